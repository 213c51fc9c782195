/* Zeros from below: the place of the first bit that is set, if any. */
#include "kernel.h"

#pragma superopt
unsigned ntz(uint64_t v)
{
    unsigned n;
    for (n = 0; n < 64; n++)
        if (v & (uint64_t)1 << n)
            break;
    return n;
}

KERNEL(ntz);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 600
#include "drivers/word.h"
