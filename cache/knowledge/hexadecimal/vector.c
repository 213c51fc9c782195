INLINE __m128i digits(__m128i nibbles)
{
    __m128i letter = _mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9));
    __m128i more = _mm_and_si128(letter, _mm_set1_epi8((char)(TEN - 10 - '0')));
    return _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), more);
}

INLINE __m128i first(__m128i bytes)
{
    return digits(_mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15)));
}

INLINE __m128i second(__m128i bytes)
{
    return digits(_mm_and_si128(bytes, _mm_set1_epi8(15)));
}

INLINE u8 digit(s32 nibble)
{
    return (u8)(nibble + '0' + ((9 - nibble) >> 31 & (s32)(TEN - 10 - '0')));
}

INLINE void compute(u8 *out, const u8 *data, size_t length)
{
    size_t i = 0;
    if (length >= 4 && apart(out, 2 * length, data, length)) {
        for (; i + 16 <= length; i += 16) {
            __m128i bytes = load(data + i), one = first(bytes), two = second(bytes);
            store(out + 2 * i, _mm_unpacklo_epi8(one, two));
            store(out + 2 * i + 16, _mm_unpackhi_epi8(one, two));
        }
        if (length & 8) {
            __m128i bytes = load8(data + i);
            store(out + 2 * i, _mm_unpacklo_epi8(first(bytes), second(bytes)));
            i += 8;
        }
        if (length & 4) {
            __m128i bytes = load4(data + i);
            store8(out + 2 * i, _mm_unpacklo_epi8(first(bytes), second(bytes)));
            i += 4;
        }
    }
    for (; i < length; i++) {
        s32 byte = data[i];
        out[2 * i] = digit(byte >> 4);
        out[2 * i + 1] = digit(data[i] & 15);
    }
    if (END)
        out[2 * length] = 0;
}
