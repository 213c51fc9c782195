/* Where the minimum stands, its value kept beside. */
#include "kernel.h"

#pragma superopt
unsigned argmin(const int32_t *v, unsigned n)
{
    unsigned i = 0, at = 0;
    int32_t least = *v;
    while (++i < n) {
        if (least > v[i]) {
            least = v[i];
            at = i;
        }
    }
    return at;
}

KERNEL(argmin);
#define CALL(numbers, count) called(numbers, (unsigned)(count))
#define ROUNDS 2500
#include "drivers/numbers.h"
