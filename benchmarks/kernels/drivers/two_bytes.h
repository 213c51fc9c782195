/* Programs over two buffers of one length, often alike: CALL(a, b, length) gives a number. */
enum { PARTS = 600, SIZE = 65536 };
static uint8_t first[SIZE], second[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    random_bytes(first, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
    memcpy(second, first, SIZE);
    for (int i = 0; i < PARTS; i++)
        if (parts[i].length && chance(80))
            second[parts[i].at + below(parts[i].length)] ^= (uint8_t)(1 + below(255));
    for (int i = SIZE / 2; i < SIZE; i++)
        second[i] = (uint8_t)(second[i] + below(16));
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum = fold(sum, (uint64_t)CALL(first + parts[i].at, second + parts[i].at,
                                       parts[i].length));
    return sum;
}

BENCH(ROUNDS, nothing)
