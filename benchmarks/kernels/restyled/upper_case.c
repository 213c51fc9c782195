/* Capitals by taking away the bit that makes letters small. */
#include "kernel.h"

#define IS_SMALL(c) ((unsigned)(c) - 'a' < 26u)

#pragma superopt
void capitals(unsigned char *p, const unsigned char *end)
{
    for (; p != end; p++)
        if (IS_SMALL(*p))
            *p &= 0xdf;
}

KERNEL(capitals);
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 500
#include "drivers/change_bytes.h"
