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

/* The place of the best, among the bits that its equals have. */
INLINE u64 place_in(u32 found)
{
    u32 bit = LAST ? 31 - (u32)__builtin_clz(found | 1) : (u32)__builtin_ctz(found | 0x80000000);
    return bit / sizeof(ELEMENT);
}

/* The value first, then its place, found without a branch on what the elements are. */
INLINE s64 compute(const ELEMENT *data, size_t length)
{
    const size_t step = WIDTH / sizeof *data;
    if (length < 4) {
        if (length < 2)
            return length ? 0 : (s32)OF_NOTHING;
        u64 best = 0;
        ELEMENT known = *data;
        for (size_t i = 1; i < length; i++) {
            bool wins = LEAST ? data[i] < known : data[i] > known;
            wins |= LAST & (data[i] == known);
            best = wins ? i : best;
            known = wins ? data[i] : known;
        }
        return (s64)best;
    }
    if (sizeof *data < 4 && length * sizeof *data < 16) {
        struct part few = part(data, length * sizeof *data);
        __m128i other = _mm_andnot_si128(few.mask, lower(all_lanes((u64)*data, sizeof *data)));
        ELEMENT known = best_of(_mm_or_si128(few.bytes, other));
        __m128i with = lower(all_lanes((u64)known, sizeof *data));
        u32 found = bits16(_mm_and_si128(
            few.mask, lower(same_lanes(widened(few.bytes), widened(with), sizeof *data))));
        u32 before = bits16(few.mask);
        return (s64)place_in(found >> __builtin_ctz(before | 0x10000));
    }
    if (WIDTH > 16 && length < step) {
        /* Two halves that overlap. */
        const size_t half = 16 / sizeof *data, other = length - half;
        V first = widened(load(data)), last = widened(load(data + other));
        ELEMENT known = best_of(lower(better(first, last)));
        V with = all_lanes((u64)known, sizeof *data);
        u32 here = bits_of(same_lanes(first, with, sizeof *data)) & 0xffff;
        u32 there = bits_of(same_lanes(last, with, sizeof *data)) & 0xffff;
        if (LAST)
            return (s64)chosen(there, other + place_in(there), place_in(here));
        return (s64)chosen(here, place_in(here), other + place_in(there));
    }
    size_t end = length - step, i = 0;
    V one = loadv(data + end), two = one;
    for (; i + 2 * step <= length; i += 2 * step) {
        one = better(loadv(data + i), one);
        two = better(loadv(data + i + step), two);
    }
    if (i + step <= length)
        two = better(loadv(data + i), two);
    ELEMENT known = best_of_all(better(one, two));
    V with = all_lanes((u64)known, sizeof *data);
    u64 place = 0;
    if (LAST) {
        for (i = 0; i < end + step; i += step) {
            size_t at = i < end ? i : end;
            u32 found = bits_of(same_lanes(loadv(data + at), with, sizeof *data));
            place = chosen(found, at + place_in(found), place);
        }
    } else {
        for (i = end;; i = i > step ? i - step : 0) {
            u32 found = bits_of(same_lanes(loadv(data + i), with, sizeof *data));
            place = chosen(found, i + place_in(found), place);
            if (!i)
                break;
        }
    }
    return (s64)place;
}
