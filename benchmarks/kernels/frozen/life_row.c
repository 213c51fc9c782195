/* One row of Conway's game of life: cells are bytes, 0 or 1; the edges are dead. */
#include "kernel.h"

#pragma superopt
int life_row(const uint8_t *above, const uint8_t *row, const uint8_t *below_it, uint8_t *next,
             int width)
{
    int alive = 0;
    for (int x = 0; x < width; x++) {
        int near = above[x] + below_it[x];
        if (x > 0)
            near += above[x - 1] + row[x - 1] + below_it[x - 1];
        if (x < width - 1)
            near += above[x + 1] + row[x + 1] + below_it[x + 1];
        if (row[x])
            next[x] = near == 2 || near == 3;
        else
            next[x] = near == 3;
        alive += next[x];
    }
    return alive;
}

KERNEL(life_row);

enum { ROWS = 130, WIDTH = 150 };
static uint8_t field[ROWS][WIDTH], later[ROWS][WIDTH];

static void prepare(void)
{
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < WIDTH; x++)
            field[y][x] = chance(y < 60 ? 30 : 3);
    keep(later, sizeof later);
}

static uint64_t work(void)
{
    uint64_t alive = 0;
    for (int y = 1; y < ROWS - 1; y++)
        alive += (uint64_t)called(field[y - 1], field[y], field[y + 1], later[y],
                                  y % 8 ? WIDTH : y / 4);
    return alive;
}

BENCH(150, nothing)
