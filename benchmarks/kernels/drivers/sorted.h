/* Programs that search sorted arrays: CALL(sorted, count, wanted) gives a place. */
enum { ARRAYS = 12, MOST = 1000, ASKED = 300 };
static int arrays[ARRAYS][MOST], lengths[ARRAYS], asked[ASKED];

static void prepare(void)
{
    for (int a = 0; a < ARRAYS; a++) {
        lengths[a] = a == 0 ? 0 : a < 5 ? 3 * a : between(20, MOST);
        for (int i = 0, number = -9000; i < MOST; i++)
            arrays[a][i] = number += (int)below(40);
    }
    for (int i = 0; i < ASKED; i++)
        asked[i] = between(-10000, 12000);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int a = 0; a < ARRAYS; a++)
        for (int i = 0; i < ASKED; i++)
            sum = fold(sum, (uint64_t)CALL(arrays[a], lengths[a], asked[i]));
    return sum;
}

BENCH(ROUNDS, nothing)
