/* The inner product of two rows of small numbers. */
#include "kernel.h"

#pragma superopt
int32_t dot_product(const int8_t *a, const int8_t *b, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

KERNEL(dot_product);
#define CALL(a, b, length) called((const int8_t *)(a), (const int8_t *)(b), length)
#define ROUNDS 1500
#include "drivers/two_bytes.h"
