/* Keeps numbers in a range, the limits named first. */
#include "kernel.h"

#pragma superopt
void limit(int32_t least, int32_t most, int32_t *p, int32_t *end)
{
    for (; p < end; p++)
        if (*p < least)
            *p = least;
        else if (*p > most)
            *p = most;
}

KERNEL(limit);
#define CALL(numbers, count) called(-500, 700, numbers, (numbers) + (count))
#define MOST 200
#define ROUNDS 1500
#include "drivers/change_numbers.h"
