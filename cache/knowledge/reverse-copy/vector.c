INLINE __m128i turned(__m128i v)
{
    if (sizeof(ELEMENT) == 1)
        v = _mm_or_si128(_mm_srli_epi16(v, 8), _mm_slli_epi16(v, 8));
    if (sizeof(ELEMENT) <= 2) {
        v = _mm_shufflelo_epi16(v, 0x1b);
        v = _mm_shufflehi_epi16(v, 0x1b);
        return _mm_shuffle_epi32(v, 0x4e);
    }
    return _mm_shuffle_epi32(v, 0x1b);
}

INLINE void compute(ELEMENT *out, const ELEMENT *data, size_t length)
{
    const size_t step = 16 / sizeof *data;
    size_t i = 0;
    if (length >= step && apart(out, length * sizeof *out, data, length * sizeof *data))
        for (; i + step <= length; i += step)
            store(out + i, turned(load(data + length - step - i)));
#ifdef BACKWARD /* the order in which the plain code writes, where the rows overlap */
    for (size_t left = length - i; left; left--)
        out[i + left - 1] = data[length - i - left];
#else
    for (; i < length; i++)
        out[i] = data[length - 1 - i];
#endif
}
