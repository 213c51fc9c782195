/* The largest number whose square is not above another, two bits of it at a time. */
#include "kernel.h"

#pragma superopt
uint16_t root(uint32_t square)
{
    uint32_t r = 0;
    for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
        uint32_t trial = r | bit;
        r >>= 1;
        if (trial > square)
            continue;
        square -= trial;
        r |= bit;
    }
    return (uint16_t)r;
}

KERNEL(root);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 200
#include "drivers/word.h"
