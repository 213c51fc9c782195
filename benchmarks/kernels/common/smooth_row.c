/* Each pixel of a row from itself and two neighbours on both sides; the ends stay away. */
#include "kernel.h"

#pragma superopt
int smooth_row(const uint8_t *from, int width, uint8_t *to)
{
    static const int weights[5] = { 1, 4, 6, 4, 1 };
    int written = 0;
    for (int x = 2; x < width - 2; x++) {
        int sum = 8;
        for (int k = 0; k < 5; k++)
            sum += weights[k] * from[x + k - 2];
        to[written++] = (uint8_t)(sum >> 4);
    }
    return written;
}

KERNEL(smooth_row);
#define FILL random_bytes
#define GROWTH 1
#define CALL(from, length, to) called(from, (int)(length), to)
#define ROUNDS 500
#include "drivers/code_bytes.h"
