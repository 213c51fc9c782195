/* The rounded average of two rows of pixels. */
#include "kernel.h"

#pragma superopt
void average_rows(uint8_t *to, const uint8_t *a, const uint8_t *b, int length)
{
    for (int i = 0; i < length; i++)
        to[i] = (uint8_t)((a[i] + b[i] + 1) / 2);
}

KERNEL(average_rows);
#define CALL(a, b, length, to) called(to, a, b, (int)(length))
#define ROUNDS 3000
#include "drivers/mix_bytes.h"
