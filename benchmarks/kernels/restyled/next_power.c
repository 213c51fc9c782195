/* Rounds up to a power of two, doubling; none above 2^31. */
#include "kernel.h"

#pragma superopt
uint32_t round_up(uint32_t n)
{
    uint32_t p;
    for (p = 1; p && p < n; p += p)
        ;
    return p;
}

KERNEL(round_up);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 300
#include "drivers/word.h"
