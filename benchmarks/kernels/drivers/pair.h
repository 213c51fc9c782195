/* Programs over pairs of words: CALL(a, b) gives a number. */
enum { PAIRS = 4096 };
static uint32_t pairs[PAIRS][2];

static void prepare(void)
{
    for (int i = 0; i < PAIRS; i++)
        for (int j = 0; j < 2; j++) {
            pairs[i][j] = (uint32_t)any();
            if (chance(60))
                pairs[i][j] >>= below(32);
        }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < PAIRS; i++)
        sum += (uint64_t)CALL(pairs[i][0], pairs[i][1]) * (2 * i + 1);
    return sum;
}

BENCH(ROUNDS, nothing)
