/* Whether the number of set bits is odd: they are added modulo two as they drop out below. */
#include "kernel.h"

#pragma superopt
bool odd_ones(uint64_t v)
{
    unsigned odd = 0;
    do
        odd ^= v & 1;
    while (v >>= 1);
    return odd;
}

KERNEL(odd_ones);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 200
#include "drivers/word.h"
