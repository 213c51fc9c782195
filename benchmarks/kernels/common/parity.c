/* 1 where an odd number of bits is set. */
#include "kernel.h"

#pragma superopt
int parity(uint64_t word)
{
    int odd = 0;
    for (int i = 0; i < 64; i++)
        if (word >> i & 1)
            odd = !odd;
    return odd;
}

KERNEL(parity);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 200
#include "drivers/word.h"
