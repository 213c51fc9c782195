/* Adds; where the sum would leave the range, its end. */
#include "kernel.h"

#pragma superopt
int add_in_range(int x, int y)
{
    if (x > 0) {
        if (y > INT32_MAX - x)
            return INT32_MAX;
    } else if (y < INT32_MIN - x) {
        return INT32_MIN;
    }
    return x + y;
}

KERNEL(add_in_range);
#define CALL(a, b) called((int32_t)(a), (int32_t)(b))
#define ROUNDS 1500
#include "drivers/pair.h"
