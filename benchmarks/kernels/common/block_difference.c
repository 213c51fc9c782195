/* The sum of the absolute differences of two rows of pixels. */
#include "kernel.h"

#pragma superopt
uint32_t block_difference(const uint8_t *a, const uint8_t *b, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
    return sum;
}

KERNEL(block_difference);
#define CALL(a, b, length) called(a, b, length)
#define ROUNDS 2000
#include "drivers/two_bytes.h"
