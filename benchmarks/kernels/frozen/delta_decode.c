/* Samples from steps of one byte: small ones as they are, large ones sixteenfold, kept in range. */
#include "kernel.h"

#pragma superopt
int delta_decode(const int8_t *steps, int count, int start, int16_t *samples)
{
    int value = start;
    for (int i = 0; i < count; i++) {
        int step = steps[i];
        if (step > 63)
            step = 63 + (step - 63) * 16;
        else if (step < -64)
            step = -64 + (step + 64) * 16;
        value += step;
        if (value > 32767)
            value = 32767;
        else if (value < -32768)
            value = -32768;
        samples[i] = (int16_t)value;
    }
    return value;
}

KERNEL(delta_decode);

enum { BLOCKS = 200, BLOCK = 120 };
static int8_t steps[BLOCKS][BLOCK];
static int16_t samples[BLOCKS][BLOCK];

static void prepare(void)
{
    for (int b = 0; b < BLOCKS; b++)
        for (int i = 0; i < BLOCK; i++)
            steps[b][i] = (int8_t)(chance(85) ? between(-50, 50) : between(-128, 127));
    keep(samples, sizeof samples);
}

static uint64_t work(void)
{
    int value = 0;
    for (int b = 0; b < BLOCKS; b++)
        value = called(steps[b], b % 7 ? BLOCK : 14, b % 20 ? value : 32000, samples[b]);
    return (uint64_t)value;
}

BENCH(300, nothing)
