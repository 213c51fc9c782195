INLINE V better(V x, V y)
{
    const bool negative = (ELEMENT)-1 < 0;
    if (sizeof(ELEMENT) == 1 && !negative)
        return LEAST ? OP(min_epu8)(x, y) : OP(max_epu8)(x, y);
    if (sizeof(ELEMENT) == 2 && negative)
        return LEAST ? OP(min_epi16)(x, y) : OP(max_epi16)(x, y);
    V first = LEAST ? lanes_above(y, x, sizeof(ELEMENT), negative)
                    : lanes_above(x, y, sizeof(ELEMENT), negative);
    return OR(AND(first, x), ANDNOT(first, y));
}

INLINE ELEMENT better_one(ELEMENT x, ELEMENT y)
{
    return LEAST ? (x < y ? x : y) : (x > y ? x : y);
}

/* The best element of sixteen bytes. */
INLINE ELEMENT best_of(__m128i v)
{
    v = lower(better(widened(v), widened(_mm_srli_si128(v, 8))));
    v = lower(better(widened(v), widened(_mm_srli_si128(v, 4))));
    if (sizeof(ELEMENT) <= 2)
        v = lower(better(widened(v), widened(_mm_srli_si128(v, 2))));
    if (sizeof(ELEMENT) == 1)
        v = lower(better(widened(v), widened(_mm_srli_si128(v, 1))));
    return (ELEMENT)_mm_cvtsi128_si32(v);
}

INLINE ELEMENT best_of_all(V v)
{
#ifdef __AVX2__
    __m128i more = _mm256_extracti128_si256(v, 1);
    return best_of(lower(better(v, widened(more))));
#else
    return best_of(v);
#endif
}

/* Two blocks a step; the last block begins where it fits whole. */
INLINE s64 compute(const ELEMENT *data, size_t length)
{
    const size_t step = WIDTH / sizeof *data;
    if (FIRST == 2 && !length)
        return (s64)VALUE;
    ELEMENT best = FIRST == 1 ? (ELEMENT)VALUE : data[0];
    if (length >= step) {
        V one = loadv(data + length - step), two = one;
        size_t i = 0;
        for (; i + 2 * step <= length; i += 2 * step) {
            one = better(loadv(data + i), one);
            two = better(loadv(data + i + step), two);
        }
        if (i + step <= length)
            two = better(loadv(data + i), two);
        return (s64)better_one(best_of_all(better(one, two)), best);
    }
    for (size_t i = 0; i < length; i++)
        best = better_one(data[i], best);
    return (s64)best;
}
