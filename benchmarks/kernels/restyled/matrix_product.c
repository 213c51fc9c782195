/* Rows times columns, added up where the product lies. */
#include "kernel.h"

#define AT(m, row, column) (m)[(row) * n + (column)]

#pragma superopt
void times(int *out, const int *x, const int *y, int n)
{
    int i, j, k;
    for (i = 0; i < n * n; i++)
        out[i] = 0;
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++)
            for (k = 0; k < n; k++)
                AT(out, i, j) += AT(x, i, k) * AT(y, k, j);
}

KERNEL(times);
#define CELL int32_t
#define CALL(a, b, product, size) called(product, a, b, size)
#define ROUNDS 500
#include "drivers/matrix.h"
