/* A row of grey pixels as black and white, eight a byte; what each is off goes to the next. */
#include "kernel.h"

#pragma superopt
void dither_row(const uint8_t *grey, unsigned width, uint8_t *bits)
{
    int off = 0;
    for (unsigned i = 0; i < (width + 7) / 8; i++)
        bits[i] = 0;
    for (unsigned x = 0; x < width; x++) {
        int wanted = grey[x] + off;
        if (wanted >= 128) {
            bits[x / 8] |= (uint8_t)(0x80 >> (x % 8));
            off = wanted - 255;
        } else {
            off = wanted;
        }
        off = off * 7 / 8;
    }
}

KERNEL(dither_row);

enum { ROWS = 100, WIDTH = 200 };
static uint8_t grey[ROWS][WIDTH], bits[ROWS][(WIDTH + 7) / 8];

static void prepare(void)
{
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < WIDTH; x++)
            grey[y][x] = (uint8_t)(y < 50 ? x + (int)below(56) : (int)below(256));
    keep(bits, sizeof bits);
}

static uint64_t work(void)
{
    for (int y = 0; y < ROWS; y++)
        called(grey[y], y % 6 ? WIDTH : 3 + (unsigned)y / 4, bits[y]);
    return 0;
}

BENCH(200, nothing)
