/* Four bytes a step without looking anything up: each bit of the word selects what it adds. */
INLINE u32 fold(u32 word, u32 bits)
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

INLINE u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = start ^ (u32)FIRST;
    for (; length >= 4; length -= 4, data += 4)
        state = fold(load32(data) ^ state, 32);
    for (; length; length--, data++)
        state = state >> 8 ^ fold((state ^ *data) & 255, 8);
    return state ^ (u32)LAST;
}
