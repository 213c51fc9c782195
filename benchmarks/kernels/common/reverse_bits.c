/* The bits of a word in reverse order. */
#include "kernel.h"

#pragma superopt
uint32_t reverse_bits(uint32_t word)
{
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++) {
        reversed = reversed << 1 | (word & 1);
        word >>= 1;
    }
    return reversed;
}

KERNEL(reverse_bits);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 150
#include "drivers/word.h"
