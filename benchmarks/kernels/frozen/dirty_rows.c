/* Which of at most 64 rows of a small display changed: one bit a row. */
#include "kernel.h"

#pragma superopt
uint64_t dirty_rows(const uint8_t *shown, const uint8_t *wanted, unsigned rows, unsigned width,
                    unsigned pitch)
{
    uint64_t dirty = 0;
    for (unsigned y = 0; y < rows; y++) {
        const uint8_t *a = shown + y * pitch, *b = wanted + y * pitch;
        for (unsigned x = 0; x < width; x++)
            if (a[x] != b[x]) {
                dirty |= (uint64_t)1 << (y & 63);
                break;
            }
    }
    return dirty;
}

KERNEL(dirty_rows);

enum { FRAMES = 16, ROWS = 64, PITCH = 128 };
static uint8_t frames[FRAMES][ROWS][PITCH];

static void prepare(void)
{
    random_bytes(frames[0], sizeof frames[0]);
    for (int f = 1; f < FRAMES; f++) {
        memcpy(frames[f], frames[f - 1], sizeof frames[f]);
        for (int changes = between(0, 30); changes > 0; changes--)
            frames[f][below(ROWS)][below(PITCH)] ^= (uint8_t)(1 + below(255));
    }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int f = 1; f < FRAMES; f++)
        sum = fold(sum, called(frames[f - 1][0], frames[f][0], f % 4 ? ROWS : 12,
                               f % 3 ? PITCH : 84, PITCH));
    return sum;
}

BENCH(300, nothing)
