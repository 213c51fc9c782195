/* Programs that write one buffer from another: CALL(from, length, to) gives a number, often how
 * much was written, GROWTH bytes a byte at most.  FILL makes the bytes. */
enum { PARTS = 600, SIZE = 65536, SPARE = 16 };
static uint8_t from[SIZE], to[GROWTH * SIZE + SPARE];
static struct span parts[PARTS];

static void prepare(void)
{
    FILL(from, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
    keep(to, sizeof to);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum = fold(sum, (uint64_t)CALL(from + parts[i].at, parts[i].length,
                                       to + GROWTH * parts[i].at));
    return sum;
}

BENCH(ROUNDS, nothing)
