/* The product of two square matrices. */
#include "kernel.h"

#pragma superopt
void matrix_product(const int32_t *a, const int32_t *b, int32_t *product, int size)
{
    for (int row = 0; row < size; row++)
        for (int column = 0; column < size; column++) {
            int32_t sum = 0;
            for (int k = 0; k < size; k++)
                sum += a[row * size + k] * b[k * size + column];
            product[row * size + column] = sum;
        }
}

KERNEL(matrix_product);
#define CELL int32_t
#define CALL(a, b, product, size) called(a, b, product, size)
#define ROUNDS 500
#include "drivers/matrix.h"
