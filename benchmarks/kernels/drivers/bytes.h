/* Programs over parts of a long buffer: CALL(data, length) gives a number.  FILL makes bytes. */
enum { PARTS = 600, SIZE = 65536 };
static uint8_t data[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    FILL(data, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum = fold(sum, (uint64_t)CALL(data + parts[i].at, parts[i].length));
    return sum;
}

BENCH(ROUNDS, nothing)
