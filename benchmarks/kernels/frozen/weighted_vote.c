/* Which class the members of a committee choose, each with its weight; the lower one if equal. */
#include "kernel.h"

#pragma superopt
int weighted_vote(const uint8_t *votes, const uint16_t *weights, int members)
{
    uint32_t tally[8] = { 0 };
    for (int i = 0; i < members; i++)
        if (votes[i] < 8)
            tally[votes[i]] += weights[i];
    int winner = 0;
    for (int c = 1; c < 8; c++)
        if (tally[c] > tally[winner])
            winner = c;
    return winner;
}

KERNEL(weighted_vote);

enum { BALLOTS = 900, MEMBERS = 60 };
static uint8_t votes[BALLOTS][MEMBERS];
static uint16_t weights[MEMBERS];

static void prepare(void)
{
    for (int m = 0; m < MEMBERS; m++)
        weights[m] = (uint16_t)(1 + below(1000));
    for (int b = 0; b < BALLOTS; b++)
        for (int m = 0; m < MEMBERS; m++)
            votes[b][m] = (uint8_t)(chance(50) ? b % 8 : between(0, 8));
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int b = 0; b < BALLOTS; b++)
        sum = fold(sum, (uint64_t)called(votes[b], weights, b % 3 ? MEMBERS : 7));
    return sum;
}

BENCH(300, nothing)
