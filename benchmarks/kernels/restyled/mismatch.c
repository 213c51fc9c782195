/* How long two buffers are alike from their start. */
#include "kernel.h"

#pragma superopt
unsigned alike(const char *x, const char *y, unsigned n)
{
    const char *start = x;
    for (; n > 0; n--) {
        if (*x != *y)
            break;
        x++;
        y++;
    }
    return (unsigned)(x - start);
}

KERNEL(alike);
#define CALL(a, b, length) called((const char *)(a), (const char *)(b), length)
#define ROUNDS 1500
#include "drivers/two_bytes.h"
