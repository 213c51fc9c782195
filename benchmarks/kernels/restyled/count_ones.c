/* Set bits, each taken away from below. */
#include "kernel.h"

#pragma superopt
unsigned char weight(uint32_t v)
{
    unsigned char n;
    for (n = 0; v; n++)
        v &= v - 1;
    return n;
}

KERNEL(weight);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 350
#include "drivers/word.h"
