/* Zeros from the top, by shifting up until one arrives there. */
#include "kernel.h"

#pragma superopt
unsigned nlz(int32_t v)
{
    unsigned n = 0;
    if (!v)
        return 32;
    while (v >= 0) {
        n++;
        v = (int32_t)((uint32_t)v << 1);
    }
    return n;
}

KERNEL(nlz);
#define WORD uint32_t
#define CALL(word) called((int32_t)(word))
#define ROUNDS 400
#include "drivers/word.h"
