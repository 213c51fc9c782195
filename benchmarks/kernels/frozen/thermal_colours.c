/* A row of a heat camera's picture: 14-bit readings as black, blue, red, yellow, white. */
#include "kernel.h"

#pragma superopt
void thermal_colours(const uint16_t *readings, int count, int low, int span, uint8_t *rgb)
{
    for (int i = 0; i < count; i++) {
        int level = (readings[i] - low) * 1024 / span;
        if (level < 0)
            level = 0;
        if (level > 1023)
            level = 1023;
        int step = level & 255;
        uint8_t *pixel = rgb + 3 * i;
        if (level < 256) {
            pixel[0] = 0;
            pixel[1] = 0;
            pixel[2] = (uint8_t)step;
        } else if (level < 512) {
            pixel[0] = (uint8_t)step;
            pixel[1] = 0;
            pixel[2] = (uint8_t)(255 - step);
        } else if (level < 768) {
            pixel[0] = 255;
            pixel[1] = (uint8_t)step;
            pixel[2] = 0;
        } else {
            pixel[0] = 255;
            pixel[1] = 255;
            pixel[2] = (uint8_t)step;
        }
    }
}

KERNEL(thermal_colours);

enum { ROWS = 120, WIDTH = 160 };
static uint16_t picture[ROWS][WIDTH];
static uint8_t shown[ROWS][3 * WIDTH];

static void prepare(void)
{
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < WIDTH; x++) {
            int warm = 40 - abs(x - 80) / 2 - abs(y - 60) / 2;
            picture[y][x] = (uint16_t)(7000 + 60 * (warm > 0 ? warm : 0) + between(-90, 90));
        }
    keep(shown, sizeof shown);
}

static uint64_t work(void)
{
    for (int y = 0; y < ROWS; y++)
        called(picture[y], y % 8 ? WIDTH : 17, 6900, 2600 + y, shown[y]);
    return 0;
}

BENCH(200, nothing)
