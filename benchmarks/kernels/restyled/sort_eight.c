/* Eight numbers in order: neighbours exchange places, the end comes nearer. */
#include "kernel.h"

#define EXCHANGE(x, y) do { int t = (x); (x) = (y); (y) = t; } while (0)

#pragma superopt
void order_eight(int *v)
{
    int *last = v + 7;
    while (last > v) {
        for (int *p = v; p < last; p++)
            if (p[1] < p[0])
                EXCHANGE(p[0], p[1]);
        last--;
    }
}

KERNEL(order_eight);
#define CALL(numbers, count) ((count) >= 8 ? called(numbers) : (void)0)
#define MOST 16
#define ROUNDS 2500
#include "drivers/change_numbers.h"
