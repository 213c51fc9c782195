/* Multiplies and adds two rows, two steps at a time. */
#include "kernel.h"

#pragma superopt
int inner(const signed char *x, const signed char *y, int n)
{
    int a = 0, b = 0, i;
    for (i = 0; i + 1 < n; i += 2) {
        a += x[i] * y[i];
        b += x[i + 1] * y[i + 1];
    }
    if (i < n)
        a += x[i] * y[i];
    return a + b;
}

KERNEL(inner);
#define CALL(a, b, length) called((const int8_t *)(a), (const int8_t *)(b), (int)(length))
#define ROUNDS 1500
#include "drivers/two_bytes.h"
