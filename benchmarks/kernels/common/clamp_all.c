/* Brings all numbers between two limits. */
#include "kernel.h"

#pragma superopt
void clamp_all(int *numbers, int count, int low, int high)
{
    for (int i = 0; i < count; i++) {
        if (numbers[i] < low)
            numbers[i] = low;
        if (numbers[i] > high)
            numbers[i] = high;
    }
}

KERNEL(clamp_all);
#define CALL(numbers, count) called(numbers, count, -500, 700)
#define MOST 200
#define ROUNDS 1500
#include "drivers/change_numbers.h"
