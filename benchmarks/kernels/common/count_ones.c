/* How many bits of a word are set. */
#include "kernel.h"

#pragma superopt
int count_ones(uint32_t word)
{
    int ones = 0;
    while (word != 0) {
        ones += word & 1;
        word >>= 1;
    }
    return ones;
}

KERNEL(count_ones);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 350
#include "drivers/word.h"
