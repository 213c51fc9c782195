/* Divides the coefficients of a block by its step, rounded, small ones to zero; returns how many
 * there are up to the last that is not zero. */
#include "kernel.h"

#pragma superopt
int quantise_block(const int16_t *from, int16_t *to, int count, int step)
{
    int last = 0;
    for (int i = 0; i < count; i++) {
        int value = from[i];
        int size = value < 0 ? -value : value;
        if (3 * size < 2 * step) {
            to[i] = 0;
            continue;
        }
        size = (size + step / 2) / step;
        to[i] = (int16_t)(value < 0 ? -size : size);
        last = i + 1;
    }
    return last;
}

KERNEL(quantise_block);

enum { BLOCKS = 250, BLOCK = 64 };
static int16_t before[BLOCKS][BLOCK], after[BLOCKS][BLOCK];

static void prepare(void)
{
    for (int b = 0; b < BLOCKS; b++)
        for (int i = 0; i < BLOCK; i++) {
            int range = 2000 / (1 + i * i / 8) + 4;
            before[b][i] = (int16_t)between(-range, range);
        }
    keep(after, sizeof after);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int b = 0; b < BLOCKS; b++)
        sum = fold(sum, (uint64_t)called(before[b], after[b], b % 5 ? BLOCK : 16, 5 + b % 40));
    return sum;
}

BENCH(250, nothing)
