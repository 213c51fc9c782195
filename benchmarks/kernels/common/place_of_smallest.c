/* The place of the smallest number, of the first one if there are more. */
#include "kernel.h"

#pragma superopt
int place_of_smallest(const int *numbers, int count)
{
    int place = 0;
    for (int i = 1; i < count; i++)
        if (numbers[i] < numbers[place])
            place = i;
    return place;
}

KERNEL(place_of_smallest);
#define CALL(numbers, count) called(numbers, count)
#define ROUNDS 2500
#include "drivers/numbers.h"
