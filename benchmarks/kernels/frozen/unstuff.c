/* Takes frames out of a serial line: STX begins one, ETX ends it, DLE makes the next byte plain.
 * Returns how many whole frames there were; their bytes lie one behind another. */
#include "kernel.h"

#pragma superopt
int unstuff(const uint8_t *line, size_t length, uint8_t *frames, size_t *written)
{
    enum { OUTSIDE, INSIDE, ESCAPED } state = OUTSIDE;
    size_t at = 0, start = 0;
    int whole = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = line[i];
        switch (state) {
        case OUTSIDE:
            if (c == 0x02) {
                state = INSIDE;
                start = at;
            }
            break;
        case INSIDE:
            if (c == 0x03) {
                whole++;
                state = OUTSIDE;
            } else if (c == 0x02) {
                at = start;
            } else if (c == 0x10) {
                state = ESCAPED;
            } else {
                frames[at++] = c;
            }
            break;
        case ESCAPED:
            frames[at++] = c ^ 0x20;
            state = INSIDE;
            break;
        }
    }
    *written = state == OUTSIDE ? at : start;
    return whole;
}

KERNEL(unstuff);

enum { READS = 120, SIZE = 32768 };
static uint8_t line[SIZE], frames[SIZE];
static struct span reads[READS];
static size_t written[READS];

static void prepare(void)
{
    for (int i = 0; i < SIZE; i++) {
        uint32_t kind = below(100);
        line[i] = (uint8_t)(kind < 3 ? 0x02 : kind < 6 ? 0x03 : kind < 8 ? 0x10 : 32 + below(200));
    }
    lay_out(reads, READS, SIZE, 600);
    keep(frames, sizeof frames);
    keep(written, sizeof written);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < READS; i++)
        sum = fold(sum, (uint64_t)called(line + reads[i].at, reads[i].length,
                                         frames + reads[i].at, &written[i]));
    return sum;
}

BENCH(400, nothing)
