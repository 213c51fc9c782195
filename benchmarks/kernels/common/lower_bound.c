/* The place of the first number in a sorted array that is not below a given one. */
#include "kernel.h"

#pragma superopt
int lower_bound(const int *sorted, int count, int wanted)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (sorted[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

KERNEL(lower_bound);
#define CALL(sorted, count, wanted) called(sorted, count, wanted)
#define ROUNDS 250
#include "drivers/sorted.h"
