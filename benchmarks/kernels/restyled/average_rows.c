/* Halfway between two rows, rounded up, up to the end of the first. */
#include "kernel.h"

#pragma superopt
void halfway(const uint8_t *x, const uint8_t *x_end, const uint8_t *y, uint8_t *out)
{
    while (x < x_end) {
        unsigned both = *x++;
        both += *y++;
        *out++ = (uint8_t)((both >> 1) + (both & 1));
    }
}

KERNEL(halfway);
#define CALL(a, b, length, to) called(a, (a) + (length), b, to)
#define ROUNDS 3000
#include "drivers/mix_bytes.h"
