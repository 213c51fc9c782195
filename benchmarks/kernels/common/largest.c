/* The largest of some numbers. */
#include "kernel.h"

#pragma superopt
int largest(const int *numbers, int count)
{
    int found = numbers[0];
    for (int i = 1; i < count; i++)
        if (numbers[i] > found)
            found = numbers[i];
    return found;
}

KERNEL(largest);
#define CALL(numbers, count) called(numbers, count)
#define ROUNDS 3500
#include "drivers/numbers.h"
