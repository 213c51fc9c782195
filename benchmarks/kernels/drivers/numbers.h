/* Programs over arrays of 32-bit numbers: CALL(numbers, count) gives a number; there is
 * at least one. */
enum { PARTS = 300, SIZE = 24000 };
static int32_t numbers[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    for (int i = 0; i < SIZE; i++)
        numbers[i] = i < SIZE / 2 ? (int32_t)any() : between(-1000, 1000);
    lay_out(parts, PARTS, SIZE, 200);
    for (int i = 0; i < PARTS; i++)
        if (parts[i].length == 0)
            parts[i] = (struct span){ 0, 1 };
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum = fold(sum, (uint64_t)CALL(numbers + parts[i].at, (int)parts[i].length));
    return sum;
}

BENCH(ROUNDS, nothing)
