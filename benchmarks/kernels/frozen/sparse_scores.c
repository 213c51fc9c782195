/* Adds one feature's scaled weights to the scores of the documents that have it. */
#include "kernel.h"

#pragma superopt
void sparse_scores(int32_t *scores, const uint16_t *documents, const int8_t *weights, int count,
                   int scale)
{
    for (int i = 0; i < count; i++) {
        int gain = weights[i] * scale;
        if (gain > 0)
            scores[documents[i]] += gain >> 4;
        else
            scores[documents[i]] -= -gain >> 4;
    }
}

KERNEL(sparse_scores);

enum { FEATURES = 250, MOST = 90, DOCUMENTS = 2000 };
static int32_t scores[DOCUMENTS];
static uint16_t documents[FEATURES][MOST];
static int8_t weights[FEATURES][MOST];

static void prepare(void)
{
    random_bytes(weights, sizeof weights);
    for (int f = 0; f < FEATURES; f++)
        for (int i = 0; i < MOST; i++)
            documents[f][i] = (uint16_t)below(DOCUMENTS);
    keep(scores, sizeof scores);
}

static void refresh(void)
{
    memset(scores, 0, sizeof scores);
}

static uint64_t work(void)
{
    for (int f = 0; f < FEATURES; f++)
        called(scores, documents[f], weights[f], f % 3 ? MOST : 13, f % 50 + 1);
    return (uint32_t)scores[7];
}

BENCH(300, refresh)
