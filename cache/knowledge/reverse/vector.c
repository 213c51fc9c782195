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

INLINE void compute(ELEMENT *data, size_t length)
{
    const size_t step = 16 / sizeof *data;
    size_t i = 0, j = length;
    if (length < 8) { /* A few elements are turned fastest one by one. */
        for (; j - i >= 2; i++, j--) {
            ELEMENT one = data[i];
            data[i] = data[j - 1];
            data[j - 1] = one;
        }
        return;
    }
    for (; j - i >= 2 * step; i += step, j -= step) {
        __m128i first = load(data + i), last = load(data + j - step);
        store(data + i, turned(last));
        store(data + j - step, turned(first));
    }
    if (sizeof(ELEMENT) == 1 && j - i >= 16) {
        u64 head = load64(data + i), tail = load64(data + j - 8);
        *(u64 *)(data + i) = __builtin_bswap64(tail);
        *(u64 *)(data + j - 8) = __builtin_bswap64(head);
        i += 8;
        j -= 8;
    }
    if (sizeof(ELEMENT) == 1 && j - i >= 8) {
        u32 head = load32(data + i), tail = load32(data + j - 4);
        *(u32 *)(data + i) = __builtin_bswap32(tail);
        *(u32 *)(data + j - 4) = __builtin_bswap32(head);
        i += 4;
        j -= 4;
    }
    for (; j - i >= 2; i++, j--) {
        ELEMENT one = data[i];
        data[i] = data[j - 1];
        data[j - 1] = one;
    }
}
