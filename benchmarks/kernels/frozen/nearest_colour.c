/* Each pixel as the number of the nearest colour of a palette; eyes see green best. */
#include "kernel.h"

#pragma superopt
void nearest_colour(const uint8_t *rgb, int pixels, const uint8_t *palette, int colours,
                    uint8_t *numbers)
{
    for (int i = 0; i < pixels; i++) {
        int best = 0, least = 1 << 30;
        for (int c = 0; c < colours; c++) {
            int red = rgb[3 * i] - palette[3 * c];
            int green = rgb[3 * i + 1] - palette[3 * c + 1];
            int blue = rgb[3 * i + 2] - palette[3 * c + 2];
            int far = 3 * red * red + 6 * green * green + blue * blue;
            if (far < least) {
                least = far;
                best = c;
            }
        }
        numbers[i] = (uint8_t)best;
    }
}

KERNEL(nearest_colour);

enum { ROWS = 16, WIDTH = 60, COLOURS = 32 };
static uint8_t picture[ROWS][3 * WIDTH], palette[3 * COLOURS], numbers[ROWS][WIDTH];

static void prepare(void)
{
    random_bytes(picture, sizeof picture);
    random_bytes(palette, sizeof palette);
    keep(numbers, sizeof numbers);
}

static uint64_t work(void)
{
    for (int y = 0; y < ROWS; y++)
        called(picture[y], y % 4 ? WIDTH : 9, palette, y % 3 ? 16 : COLOURS, numbers[y]);
    return 0;
}

BENCH(300, nothing)
