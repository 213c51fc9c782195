/* Lays a picture with its own transparency over another, all of it faded by one more factor. */
#include "kernel.h"

#pragma superopt
void fade_over(uint8_t *below_it, const uint8_t *over, int pixels, int fade)
{
    for (int i = 0; i < pixels; i++) {
        int alpha = over[4 * i + 3] * fade / 255;
        for (int c = 0; c < 3; c++) {
            int mixed = over[4 * i + c] * alpha + below_it[4 * i + c] * (255 - alpha);
            below_it[4 * i + c] = (uint8_t)((mixed + 127) / 255);
        }
        below_it[4 * i + 3] = 255;
    }
}

KERNEL(fade_over);

enum { ROWS = 60, WIDTH = 150 };
static uint8_t ground[ROWS][4 * WIDTH], over[ROWS][4 * WIDTH], result[ROWS][4 * WIDTH];

static void prepare(void)
{
    random_bytes(ground, sizeof ground);
    random_bytes(over, sizeof over);
    for (int y = 0; y < ROWS; y += 2)
        for (int x = 0; x < WIDTH; x++)
            over[y][4 * x + 3] = x < 75 ? 0 : 255;
    keep(result, sizeof result);
}

static void refresh(void)
{
    memcpy(result, ground, sizeof result);
}

static uint64_t work(void)
{
    for (int y = 0; y < ROWS; y++)
        called(result[y], over[y], y % 6 ? WIDTH : 5, 100 + 2 * y);
    return 0;
}

BENCH(300, refresh)
