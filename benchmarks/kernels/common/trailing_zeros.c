/* How many zeros are below the lowest set bit; 64 for zero. */
#include "kernel.h"

#pragma superopt
int trailing_zeros(uint64_t word)
{
    if (word == 0)
        return 64;
    int zeros = 0;
    while ((word & 1) == 0) {
        word >>= 1;
        zeros++;
    }
    return zeros;
}

KERNEL(trailing_zeros);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 600
#include "drivers/word.h"
