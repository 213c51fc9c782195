/* All numbers up to the end together. */
#include "kernel.h"

#pragma superopt
long total(const int *p, const int *end)
{
    long all = 0;
    while (p != end)
        all += *p++;
    return all;
}

KERNEL(total);
#define CALL(numbers, count) called(numbers, (numbers) + (count))
#define ROUNDS 4000
#include "drivers/numbers.h"
