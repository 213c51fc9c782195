#include "part.h"

/* Number of bits that are set. */
unsigned ones(unsigned x)
{
    unsigned n = 0;
    while (x) {
        n += x & 1;
        x >>= 1;
    }
    return n;
}
