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

INLINE void compute(ELEMENT *out, const ELEMENT *data, size_t length)
{
    const size_t step = 16 / sizeof *data;
    size_t i = 0;
    ELEMENT sum = 0;
    if (length >= step && apart(out, length * sizeof *out, data, length * sizeof *data)) {
        __m128i before = _mm_setzero_si128();
        for (; i + step <= length; i += step) {
            __m128i v = summed(load(data + i));
            store(out + i, plus(v, before));
            before = plus(before, last(v));
        }
        sum = (ELEMENT)_mm_cvtsi128_si32(before);
    }
    for (; i < length; i++) {
        sum = (ELEMENT)(sum + data[i]);
        out[i] = sum;
    }
}
