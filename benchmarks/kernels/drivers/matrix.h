/* Programs over square matrices: CALL(a, b, product, size); CELL is the type of their numbers. */
enum { PAIRS = 60, LARGEST = 16 };
static CELL factors[2][PAIRS][LARGEST * LARGEST], products[PAIRS][LARGEST * LARGEST];

static void prepare(void)
{
    for (int f = 0; f < 2; f++)
        for (int p = 0; p < PAIRS; p++)
            for (int i = 0; i < LARGEST * LARGEST; i++)
                factors[f][p][i] = (CELL)between(-100, 100);
    keep(products, sizeof products);
}

static uint64_t work(void)
{
    static const int sizes[] = { 4, 8, 3, 16, 5, 12 };
    for (int p = 0; p < PAIRS; p++)
        CALL(factors[0][p], factors[1][p], products[p], sizes[p % 6]);
    return 0;
}

BENCH(ROUNDS, nothing)
