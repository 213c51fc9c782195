/* Programs that change an array of 32-bit numbers where it lies: CALL(numbers, count).  At most
 * MOST at a time. */
enum { PARTS = 200, SIZE = 12000 };
static int32_t before[SIZE], numbers[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    for (int i = 0; i < SIZE; i++)
        before[i] = i < SIZE / 2 ? (int32_t)any() : between(-1000, 1000);
    lay_out(parts, PARTS, SIZE, MOST);
    keep(numbers, sizeof numbers);
}

static void refresh(void)
{
    memcpy(numbers, before, sizeof numbers);
}

static uint64_t work(void)
{
    for (int i = 0; i < PARTS; i++)
        CALL(numbers + parts[i].at, (int)parts[i].length);
    return (uint32_t)numbers[0];
}

BENCH(ROUNDS, refresh)
