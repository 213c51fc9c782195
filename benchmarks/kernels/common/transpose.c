/* A square matrix with rows and columns exchanged. */
#include "kernel.h"

#pragma superopt
void transpose(const int32_t *from, int32_t *to, int size)
{
    for (int row = 0; row < size; row++)
        for (int column = 0; column < size; column++)
            to[column * size + row] = from[row * size + column];
}

KERNEL(transpose);
#define CELL int32_t
#define CALL(a, b, product, size) ((void)(b), called(a, product, size))
#define ROUNDS 4000
#include "drivers/matrix.h"
