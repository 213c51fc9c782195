/* The same number everywhere, from the end to the start. */
#include "kernel.h"

#pragma superopt
void set_all(unsigned short value, unsigned short *p, int n)
{
    while (n > 0)
        p[--n] = value;
}

KERNEL(set_all);
#define CALL(numbers, count) called((uint16_t)(count), (uint16_t *)(numbers), 2 * (count))
#define MOST 200
#define ROUNDS 4000
#include "drivers/change_numbers.h"
