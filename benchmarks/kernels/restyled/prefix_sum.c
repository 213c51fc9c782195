/* Running totals, the total kept in a variable. */
#include "kernel.h"

#pragma superopt
void running_totals(unsigned *p, unsigned *end)
{
    unsigned so_far = 0;
    while (p < end) {
        so_far += *p;
        *p++ = so_far;
    }
}

KERNEL(running_totals);
#define CALL(numbers, count) called((unsigned *)(numbers), (unsigned *)(numbers) + (count))
#define MOST 200
#define ROUNDS 3500
#include "drivers/change_numbers.h"
