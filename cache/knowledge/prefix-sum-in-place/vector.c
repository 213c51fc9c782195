INLINE __m128i summed(__m128i v)
{
    if (sizeof(ELEMENT) == 1) {
        v = _mm_add_epi8(v, _mm_slli_si128(v, 1));
        v = _mm_add_epi8(v, _mm_slli_si128(v, 2));
        v = _mm_add_epi8(v, _mm_slli_si128(v, 4));
        return _mm_add_epi8(v, _mm_slli_si128(v, 8));
    }
    if (sizeof(ELEMENT) == 2) {
        v = _mm_add_epi16(v, _mm_slli_si128(v, 2));
        v = _mm_add_epi16(v, _mm_slli_si128(v, 4));
        return _mm_add_epi16(v, _mm_slli_si128(v, 8));
    }
    v = _mm_add_epi32(v, _mm_slli_si128(v, 4));
    return _mm_add_epi32(v, _mm_slli_si128(v, 8));
}

INLINE __m128i plus(__m128i v, __m128i w)
{
    if (sizeof(ELEMENT) == 1)
        return _mm_add_epi8(v, w);
    return sizeof(ELEMENT) == 2 ? _mm_add_epi16(v, w) : _mm_add_epi32(v, w);
}

/* The last lane in all. */
INLINE __m128i last(__m128i v)
{
    if (sizeof(ELEMENT) == 1)
        v = _mm_unpackhi_epi8(v, v);
    return sizeof(ELEMENT) == 4 ? _mm_shuffle_epi32(v, 0xff)
                                : _mm_shuffle_epi32(_mm_shufflehi_epi16(v, 0xff), 0xff);
}

/* The first element stays as it is, and is read only where there is another. */
INLINE void compute(ELEMENT *data, size_t length)
{
    const size_t step = 16 / sizeof *data;
    if (length < 2)
        return;
    ELEMENT sum = *data++;
    length--;
    if (length >= step) {
        __m128i before = sizeof(ELEMENT) == 1   ? _mm_set1_epi8((char)sum)
                         : sizeof(ELEMENT) == 2 ? _mm_set1_epi16((s16)sum)
                                                : _mm_set1_epi32((s32)sum);
        for (; length >= step; length -= step, data += step) {
            __m128i v = summed(load(data));
            store(data, plus(v, before));
            before = plus(before, last(v));
        }
        sum = (ELEMENT)_mm_cvtsi128_si32(before);
    }
    for (; length; length--, data++)
        *data = sum = (ELEMENT)(sum + *data);
}
