/* Three sensors measure the same: takes the middle one of each triple, counts who strayed. */
#include "kernel.h"

#pragma superopt
void agree_of_three(const int32_t *a, const int32_t *b, const int32_t *c, int count,
                    uint32_t tolerance, int32_t *agreed, unsigned strayed[3])
{
    for (int i = 0; i < count; i++) {
        int32_t middle;
        if (a[i] < b[i])
            middle = b[i] < c[i] ? b[i] : a[i] < c[i] ? c[i] : a[i];
        else
            middle = a[i] < c[i] ? a[i] : b[i] < c[i] ? c[i] : b[i];
        agreed[i] = middle;
        const int32_t seen[3] = { a[i], b[i], c[i] };
        for (int s = 0; s < 3; s++) {
            uint32_t off = seen[s] < middle ? (uint32_t)middle - (uint32_t)seen[s]
                                            : (uint32_t)seen[s] - (uint32_t)middle;
            if (off > tolerance)
                strayed[s]++;
        }
    }
}

KERNEL(agree_of_three);

enum { RUNS = 60, MOST = 180 };
static int32_t seen[3][RUNS][MOST], agreed[RUNS][MOST];
static unsigned strayed[RUNS][3];

static void prepare(void)
{
    for (int r = 0; r < RUNS; r++)
        for (int i = 0; i < MOST; i++) {
            int32_t truth = between(-100000, 100000);
            for (int s = 0; s < 3; s++)
                seen[s][r][i] = truth + (chance(4) ? between(-9000, 9000) : between(-20, 20));
        }
    keep(agreed, sizeof agreed);
    keep(strayed, sizeof strayed);
}

static uint64_t work(void)
{
    for (int r = 0; r < RUNS; r++)
        called(seen[0][r], seen[1][r], seen[2][r], r % 5 ? MOST : 10, 50, agreed[r], strayed[r]);
    return strayed[1][0];
}

BENCH(250, nothing)
