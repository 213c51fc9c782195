/* The last place of a character: a pointer is moved to each. */
#include "kernel.h"

#pragma superopt
long last_of(const unsigned char *s, const unsigned char *end, unsigned char c)
{
    const unsigned char *last = end, *p = s;
    while (p != end) {
        if (*p == c)
            last = p;
        p++;
    }
    return last - s;
}

KERNEL(last_of);
#define CALL(data, length, byte) called(data, (data) + (length), byte)
#define ROUNDS 650
#include "drivers/search.h"
