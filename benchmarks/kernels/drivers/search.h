/* Programs that look for a byte in texts: CALL(data, length, byte) gives a number. */
enum { PARTS = 600, SIZE = 65536 };
static uint8_t data[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    random_text((char *)data, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum = fold(sum, (uint64_t)CALL(data + parts[i].at, parts[i].length,
                                       (uint8_t)"\n;7e@Z"[i % 6]));
    return sum;
}

BENCH(ROUNDS, nothing)
