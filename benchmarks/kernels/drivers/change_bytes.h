/* Programs that change a buffer where it lies: CALL(data, length). */
enum { PARTS = 600, SIZE = 65536 };
static uint8_t before[SIZE], data[SIZE];
static struct span parts[PARTS];

static void prepare(void)
{
    random_text((char *)before, SIZE);
    lay_out(parts, PARTS, SIZE, 300);
    keep(data, SIZE);
}

static void refresh(void)
{
    memcpy(data, before, SIZE);
}

static uint64_t work(void)
{
    for (int i = 0; i < PARTS; i++)
        CALL(data + parts[i].at, parts[i].length);
    return data[0];
}

BENCH(ROUNDS, refresh)
