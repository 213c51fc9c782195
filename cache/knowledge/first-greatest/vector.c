/* Each lane keeps its own best element and where it was. */
INLINE s64 compute(const ELEMENT *data, size_t length)
{
    size_t i = 1, best = 0;
    if (length < 2)
        return length ? 0 : (s32)OF_NOTHING;
    s32 known = *data;
    if (length >= 16 && length < 0x7fffffff) {
        __m128i values = load(data), places = _mm_set_epi32(3, 2, 1, 0), at = places;
        const __m128i four = _mm_set1_epi32(4);
        for (i = 4; i + 4 <= length; i += 4) {
            __m128i more = load(data + i);
            at = _mm_add_epi32(at, four);
            __m128i better = _mm_cmpgt_epi32(more, values);
            values = _mm_or_si128(_mm_and_si128(better, more), _mm_andnot_si128(better, values));
            places = _mm_or_si128(_mm_and_si128(better, at), _mm_andnot_si128(better, places));
        }
        s32 value[4], place[4];
        store(value, values);
        store(place, places);
        best = (size_t)place[0];
        known = value[0];
        for (int lane = 1; lane < 4; lane++) {
            s32 wins = value[lane] > known;
            wins |= (value[lane] == known) & (place[lane] < (s32)best);
            best ^= (best ^ (size_t)place[lane]) & (size_t)-wins;
            known ^= (known ^ value[lane]) & -wins;
        }
    }
    for (; i < length; i++) {
        bool wins = data[i] > known;
        best = wins ? i : best;
        known = wins ? data[i] : known;
    }
    return (s64)best;
}
