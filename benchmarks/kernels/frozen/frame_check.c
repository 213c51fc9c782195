/* The check word of a fieldbus frame: each byte, turned by its place, into two crossed sums. */
#include "kernel.h"

#pragma superopt
uint32_t frame_check(const uint8_t *frame, size_t length, uint16_t station)
{
    uint16_t even = station, odd = (uint16_t)~station;
    for (size_t i = 0; i < length; i++) {
        unsigned turn = (unsigned)i % 8;
        uint8_t byte = (uint8_t)(frame[i] << turn | frame[i] >> (8 - turn));
        if (i % 2 == 0)
            even = (uint16_t)(even + byte);
        else
            odd = (uint16_t)(odd ^ (byte << 3));
        if (odd & 0x0400)
            odd = (uint16_t)(odd ^ 0x1021);
    }
    return (uint32_t)odd << 16 | even;
}

KERNEL(frame_check);

enum { FRAMES = 500, SIZE = 65536 };
static uint8_t wire[SIZE];
static struct span frames[FRAMES];

static void prepare(void)
{
    random_bytes(wire, SIZE);
    lay_out(frames, FRAMES, SIZE, 250);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < FRAMES; i++)
        sum = fold(sum, called(wire + frames[i].at, frames[i].length, (uint16_t)i));
    return sum;
}

BENCH(300, nothing)
