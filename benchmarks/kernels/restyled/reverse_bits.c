/* Mirrors a word: a bit that is set below is set above. */
#include "kernel.h"

#pragma superopt
unsigned int mirror(unsigned int in)
{
    unsigned int out = 0, from = 1, to = 0x80000000u;
    do {
        if (in & from)
            out |= to;
        from <<= 1;
        to >>= 1;
    } while (to);
    return out;
}

KERNEL(mirror);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 150
#include "drivers/word.h"
