/* How many zeros are above the highest set bit; 32 for zero. */
#include "kernel.h"

#pragma superopt
int leading_zeros(uint32_t word)
{
    int zeros = 0;
    for (uint32_t bit = 0x80000000u; bit != 0 && (word & bit) == 0; bit >>= 1)
        zeros++;
    return zeros;
}

KERNEL(leading_zeros);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 400
#include "drivers/word.h"
