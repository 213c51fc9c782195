/* The maximum, from the end to the start. */
#include "kernel.h"

#pragma superopt
long maximum(size_t n, const int *v)
{
    long best = INT32_MIN;
    while (n-- > 0)
        best = v[n] > best ? v[n] : best;
    return best;
}

KERNEL(maximum);
#define CALL(numbers, count) called((size_t)(count), numbers)
#define ROUNDS 3500
#include "drivers/numbers.h"
