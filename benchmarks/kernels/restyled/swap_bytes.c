/* Big end first instead of last, through two arrays of bytes. */
#include "kernel.h"

#pragma superopt
uint64_t other_end(uint64_t v)
{
    unsigned char in[8], out[8];
    memcpy(in, &v, sizeof v);
    for (int i = 0, j = 7; j >= 0; i++, j--)
        out[i] = in[j];
    memcpy(&v, out, sizeof v);
    return v;
}

KERNEL(other_end);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 1500
#include "drivers/word.h"
