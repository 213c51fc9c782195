/* The place of the highest set bit; -1 for zero. */
#include "kernel.h"

#pragma superopt
int floor_log2(uint64_t word)
{
    int log = -1;
    while (word) {
        word >>= 1;
        log++;
    }
    return log;
}

KERNEL(floor_log2);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 250
#include "drivers/word.h"
