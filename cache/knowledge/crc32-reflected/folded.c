/* Sixteen bytes a step by multiplications without carries; the last few bit by bit. */
INLINE u32 bits_of_word(u32 word, u32 bits)
{
    __m128i all = _mm_set1_epi32((s32)word);
    __m128i sum = _mm_setzero_si128();
    for (u32 i = 0; i < bits; i += 4) {
        __m128i select = _mm_set_epi32(8 << i, 4 << i, 2 << i, 1 << i);
        __m128i mask = _mm_cmpeq_epi32(_mm_and_si128(all, select), select);
        sum = _mm_xor_si128(sum, _mm_and_si128(mask, load(BITS + 32 - bits + i)));
    }
    sum = _mm_xor_si128(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_xor_si128(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (u32)_mm_cvtsi128_si32(sum);
}

INLINE __m128i folded(__m128i v, const u64 *by, __m128i next)
{
    __m128i powers = load(by);
    __m128i first = _mm_clmulepi64_si128(v, powers, 0x00);
    __m128i second = _mm_clmulepi64_si128(v, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

INLINE u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = start ^ (u32)FIRST;
    if (length >= 32) {
        __m128i v = _mm_xor_si128(load(data), _mm_cvtsi32_si128((s32)state));
        if (length >= 128) {
            __m128i w = load(data + 16), x = load(data + 32), y = load(data + 48);
            for (data += 64, length -= 64; length >= 64; data += 64, length -= 64) {
                v = folded(v, POWERS, load(data));
                w = folded(w, POWERS, load(data + 16));
                x = folded(x, POWERS, load(data + 32));
                y = folded(y, POWERS, load(data + 48));
            }
            v = folded(v, POWERS + 2, w);
            v = folded(v, POWERS + 2, x);
            v = folded(v, POWERS + 2, y);
        } else {
            data += 16;
            length -= 16;
        }
        for (; length >= 16; data += 16, length -= 16)
            v = folded(v, POWERS + 2, load(data));
        state = 0;
        for (int word = 0; word < 4; word++) {
            state = bits_of_word((u32)_mm_cvtsi128_si32(v) ^ state, 32);
            v = _mm_srli_si128(v, 4);
        }
    }
    for (; length >= 4; length -= 4, data += 4)
        state = bits_of_word(load32(data) ^ state, 32);
    for (; length; length--, data++)
        state = state >> 8 ^ bits_of_word((state ^ *data) & 255, 8);
    return state ^ (u32)LAST;
}
