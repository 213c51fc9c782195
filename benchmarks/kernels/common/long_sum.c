/* The sum of some numbers. */
#include "kernel.h"

#pragma superopt
int64_t long_sum(const int32_t *numbers, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += numbers[i];
    return sum;
}

KERNEL(long_sum);
#define CALL(numbers, count) called(numbers, count)
#define ROUNDS 4000
#include "drivers/numbers.h"
