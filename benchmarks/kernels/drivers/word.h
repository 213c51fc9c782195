/* Programs over single words: CALL(x) gives a number.  WORD is their type; LIMIT, where the kernel
 * has one, what they stay below. */
enum { WORDS = 4096 };
static WORD words[WORDS];

static void prepare(void)
{
    const int bits = 8 * (int)sizeof(WORD);
    for (int i = 0; i < WORDS; i++) {
        uint64_t word = any() << 20 ^ any();
        if (chance(50))
            word = (WORD)word >> below((uint32_t)bits);
        else if (chance(10))
            word = (uint64_t)1 << below((uint32_t)bits);
        else if (chance(10))
            word = below(4);
#ifdef LIMIT
        word %= LIMIT;
#endif
        words[i] = (WORD)word;
    }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < WORDS; i++)
        sum += (uint64_t)CALL(words[i]) * (2 * i + 1);
    return sum;
}

BENCH(ROUNDS, nothing)
