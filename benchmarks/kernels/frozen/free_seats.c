/* The first place in a row of seats (a bit each, set if taken) where a party can sit together. */
#include "kernel.h"

#pragma superopt
int free_seats(const uint8_t *row, int seats, int party)
{
    int run = 0;
    for (int seat = 0; seat < seats; seat++) {
        if (row[seat >> 3] & (1 << (seat & 7)))
            run = 0;
        else
            run++;
        if (run == party)
            return seat - party + 1;
    }
    return -1;
}

KERNEL(free_seats);

enum { HALLS = 500, BYTES = 12 };
static uint8_t halls[HALLS][BYTES];

static void prepare(void)
{
    for (int h = 0; h < HALLS; h++)
        for (int seat = 0; seat < 8 * BYTES; seat++)
            if (chance(h % 4 ? 75 : 30))
                halls[h][seat / 8] |= (uint8_t)(1 << seat % 8);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int h = 0; h < HALLS; h++)
        sum = fold(sum, (uint64_t)called(halls[h], h % 5 ? 8 * BYTES : 22, 2 + h % 5));
    return sum;
}

BENCH(250, nothing)
