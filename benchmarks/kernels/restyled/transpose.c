/* Rows become columns: one walk through the target. */
#include "kernel.h"

#pragma superopt
void flip(int n, int *out, const int *in)
{
    for (int column = 0; column < n; column++) {
        const int *p = in + column;
        for (int row = 0; row < n; row++, p += n)
            *out++ = *p;
    }
}

KERNEL(flip);
#define CELL int32_t
#define CALL(a, b, product, size) ((void)(b), called(size, product, a))
#define ROUNDS 4000
#include "drivers/matrix.h"
