/* Puts numbers in order: each walks down to its place. */
#include "kernel.h"

#pragma superopt
void order(int n, int *v)
{
    int *p, *q;
    for (p = v; p < v + n; p++) {
        int x = *p;
        for (q = p; q > v && q[-1] > x; q--)
            *q = q[-1];
        *q = x;
    }
}

KERNEL(order);
#define CALL(numbers, count) called(count, numbers)
#define MOST 40
#define ROUNDS 650
#include "drivers/change_numbers.h"
