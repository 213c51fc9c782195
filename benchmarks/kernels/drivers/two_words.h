/* Programs that compare words: CALL(a, a_length, b, b_length, row) gives a number; `row` has room
 * for one number more than a word has letters. */
enum { PAIRS = 150, LONGEST = 24 };
static char words[2][PAIRS][LONGEST];
static int lengths[2][PAIRS], row[LONGEST + 1];

static void prepare(void)
{
    for (int p = 0; p < PAIRS; p++) {
        for (int w = 0; w < 2; w++) {
            lengths[w][p] = (int)some_length(LONGEST);
            for (int i = 0; i < LONGEST; i++)
                words[w][p][i] = (char)('a' + below(6));
        }
        if (p % 2)
            memcpy(words[1][p] + 2, words[0][p], LONGEST - 2);
    }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int p = 0; p < PAIRS; p++)
        sum = fold(sum, (uint64_t)CALL(words[0][p], lengths[0][p], words[1][p], lengths[1][p],
                                       row));
    return sum;
}

BENCH(ROUNDS, nothing)
