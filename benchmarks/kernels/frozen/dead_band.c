/* Which readings of a sensor are worth sending: those that left the band around the last sent. */
#include "kernel.h"

#pragma superopt
size_t dead_band(const int32_t *readings, size_t count, int32_t band, uint32_t *sent)
{
    size_t written = 0;
    if (count == 0)
        return 0;
    int32_t last = readings[0];
    sent[written++] = 0;
    for (size_t i = 1; i < count; i++) {
        int64_t change = (int64_t)readings[i] - last;
        if (change > band || change < -(int64_t)band) {
            last = readings[i];
            sent[written++] = (uint32_t)i;
        }
    }
    return written;
}

KERNEL(dead_band);

enum { SENSORS = 90, READINGS = 250 };
static int32_t readings[SENSORS][READINGS];
static uint32_t sent[SENSORS][READINGS];

static void prepare(void)
{
    for (int s = 0; s < SENSORS; s++) {
        int32_t value = between(-20000, 20000);
        for (int i = 0; i < READINGS; i++) {
            value += between(-12, 12);
            if (chance(3))
                value += between(-3000, 3000);
            readings[s][i] = value;
        }
    }
    keep(sent, sizeof sent);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int s = 0; s < SENSORS; s++)
        sum = fold(sum, called(readings[s], s % 6 ? READINGS : 20, s % 2 ? 60 : 10, sent[s]));
    return sum;
}

BENCH(400, nothing)
