/* The greatest common divisor. */
#include "kernel.h"

#pragma superopt
uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

KERNEL(common_divisor);
#define CALL(a, b) called(a, b)
#define ROUNDS 55
#include "drivers/pair.h"
