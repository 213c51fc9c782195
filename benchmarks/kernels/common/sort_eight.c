/* Puts eight numbers in order. */
#include "kernel.h"

#pragma superopt
void sort_eight(int32_t numbers[8])
{
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7 - i; j++)
            if (numbers[j] > numbers[j + 1]) {
                int32_t number = numbers[j];
                numbers[j] = numbers[j + 1];
                numbers[j + 1] = number;
            }
}

KERNEL(sort_eight);
#define CALL(numbers, count) ((count) >= 8 ? called(numbers) : (void)0)
#define MOST 16
#define ROUNDS 2500
#include "drivers/change_numbers.h"
