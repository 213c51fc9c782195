/* The bytes of a word in the other order. */
#include "kernel.h"

#pragma superopt
uint64_t swap_bytes(uint64_t word)
{
    uint64_t swapped = 0;
    for (int i = 0; i < 8; i++) {
        swapped <<= 8;
        swapped |= word & 0xff;
        word >>= 8;
    }
    return swapped;
}

KERNEL(swap_bytes);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 1500
#include "drivers/word.h"
