/* Each number becomes the sum of itself and all before it. */
#include "kernel.h"

#pragma superopt
void prefix_sum(uint32_t *numbers, int count)
{
    for (int i = 1; i < count; i++)
        numbers[i] += numbers[i - 1];
}

KERNEL(prefix_sum);
#define CALL(numbers, count) called((uint32_t *)(numbers), count)
#define MOST 200
#define ROUNDS 3500
#include "drivers/change_numbers.h"
