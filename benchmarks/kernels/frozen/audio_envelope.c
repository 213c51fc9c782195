/* Follows the loudness of a block of samples: quick to rise, slow to fall, both set by shifts. */
#include "kernel.h"

#pragma superopt
int audio_envelope(const int16_t *samples, int count, int level, int attack, int release,
                   uint16_t *levels)
{
    for (int i = 0; i < count; i++) {
        int loud = samples[i] < 0 ? -samples[i] : samples[i];
        loud <<= 8;
        if (loud > level)
            level += (loud - level) >> attack;
        else
            level -= (level - loud) >> release;
        levels[i] = (uint16_t)(level >> 8);
    }
    return level;
}

KERNEL(audio_envelope);

enum { BLOCKS = 160, BLOCK = 128 };
static int16_t samples[BLOCKS][BLOCK];
static uint16_t levels[BLOCKS][BLOCK];

static void prepare(void)
{
    int volume = 100, place = 0;
    for (int b = 0; b < BLOCKS; b++) {
        volume = chance(10) ? between(0, 30000) : volume * 15 / 16;
        for (int i = 0; i < BLOCK; i++) {
            place = volume ? place * 3 / 4 + between(-volume, volume) / 4 : place;
            samples[b][i] = (int16_t)place;
        }
    }
    keep(levels, sizeof levels);
}

static uint64_t work(void)
{
    int level = 0;
    for (int b = 0; b < BLOCKS; b++)
        level = called(samples[b], b % 9 ? BLOCK : 30, level, 2, 6, levels[b]);
    return (uint64_t)level;
}

BENCH(300, nothing)
