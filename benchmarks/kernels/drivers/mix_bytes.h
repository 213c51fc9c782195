/* Programs that make a third buffer of two: CALL(a, b, length, to). */
enum { PARTS = 600, SIZE = 65536 };
static uint8_t first[SIZE], second[SIZE], third[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    random_bytes(first, SIZE);
    random_bytes(second, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
    keep(third, SIZE);
}

static uint64_t work(void)
{
    for (int i = 0; i < PARTS; i++) {
        uint32_t at = parts[i].at;
        CALL(first + at, second + at, parts[i].length, third + at);
    }
    return third[0];
}

BENCH(ROUNDS, nothing)
