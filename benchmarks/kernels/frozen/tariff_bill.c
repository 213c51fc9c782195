/* What a month of metered use costs: each reading is charged by steps whose prices are given. */
#include "kernel.h"

struct step {
    uint32_t upto, price;
};

#pragma superopt
uint64_t tariff_bill(const uint32_t *used, size_t count, const struct step *steps, size_t last)
{
    uint64_t bill = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t left = used[i];
        uint32_t from = 0;
        size_t s = 0;
        while (s < last && used[i] > steps[s].upto) {
            bill += (uint64_t)(steps[s].upto - from) * steps[s].price;
            left -= steps[s].upto - from;
            from = steps[s].upto;
            s++;
        }
        bill += (uint64_t)left * steps[s].price;
    }
    return bill;
}

KERNEL(tariff_bill);

enum { HOUSES = 300, HOURS = 96 };
static uint32_t used[HOUSES][HOURS];
static struct step tariffs[4][6];

static void prepare(void)
{
    for (int t = 0; t < 4; t++)
        for (int s = 0; s < 6; s++) {
            tariffs[t][s].upto = (uint32_t)((s + 1) * (250 + 40 * t));
            tariffs[t][s].price = (uint32_t)(31 + 7 * s - t);
        }
    for (int h = 0; h < HOUSES; h++)
        for (int i = 0; i < HOURS; i++)
            used[h][i] = below(chance(20) ? 2600 : 500);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int h = 0; h < HOUSES; h++)
        sum = fold(sum, called(used[h], h % 3 ? HOURS : 12, tariffs[h % 4], (size_t)(3 + h % 3)));
    return sum;
}

BENCH(160, nothing)
