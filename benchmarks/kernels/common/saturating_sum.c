/* The sum of two numbers, or the largest number where that is too large. */
#include "kernel.h"

#pragma superopt
int32_t saturating_sum(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;
    if (sum > INT32_MAX)
        return INT32_MAX;
    if (sum < INT32_MIN)
        return INT32_MIN;
    return (int32_t)sum;
}

KERNEL(saturating_sum);
#define CALL(a, b) called((int32_t)(a), (int32_t)(b))
#define ROUNDS 1500
#include "drivers/pair.h"
