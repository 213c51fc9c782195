/* The place of a character, by a pointer that walks to it. */
#include "kernel.h"

#pragma superopt
long index_of(unsigned char c, const unsigned char *p, const unsigned char *end)
{
    const unsigned char *start = p;
    while (p < end && *p != c)
        p++;
    return p < end ? p - start : -1;
}

KERNEL(index_of);
#define CALL(data, length, byte) called(byte, data, (data) + (length))
#define ROUNDS 1000
#include "drivers/search.h"
