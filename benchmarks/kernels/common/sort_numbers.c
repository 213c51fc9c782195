/* Puts a few numbers in order. */
#include "kernel.h"

#pragma superopt
void sort_numbers(int *numbers, int count)
{
    for (int i = 1; i < count; i++) {
        int number = numbers[i];
        int j = i - 1;
        while (j >= 0 && numbers[j] > number) {
            numbers[j + 1] = numbers[j];
            j--;
        }
        numbers[j + 1] = number;
    }
}

KERNEL(sort_numbers);
#define CALL(numbers, count) called(numbers, count)
#define MOST 40
#define ROUNDS 650
#include "drivers/change_numbers.h"
