/* The smallest power of two that is not below a number of at most 2^31. */
#include "kernel.h"

#pragma superopt
uint32_t next_power(uint32_t number)
{
    if (number > 0x80000000u)
        return 0;
    uint32_t power = 1;
    while (power < number)
        power *= 2;
    return power;
}

KERNEL(next_power);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 300
#include "drivers/word.h"
