/* Four bytes a step without looking anything up: each bit of the word selects what it adds. */
INLINE u64 fold(u32 word, const u64 *table, u32 bits)
{
    __m128i all = _mm_set1_epi32((s32)word);
    __m128i sum = _mm_setzero_si128();
    for (u32 i = 0; i < bits; i += 2) {
        __m128i select = _mm_set_epi32(2 << i, 2 << i, 1 << i, 1 << i);
        __m128i mask = _mm_cmpeq_epi32(_mm_and_si128(all, select), select);
        sum = _mm_xor_si128(sum, _mm_and_si128(mask, load(table + i)));
    }
    return low64(_mm_xor_si128(sum, _mm_unpackhi_epi64(sum, sum)));
}

INLINE u64 compute(const u8 *data, size_t length, u64 start)
{
    u64 state = start ^ (u64)FIRST;
    for (; length >= 4; length -= 4, data += 4)
        state = state >> 32 ^ fold((u32)state ^ load32(data), BITS, 32);
    for (; length; length--, data++)
        state = state >> 8 ^ fold(((u32)state ^ *data) & 255, BITS + 24, 8);
    return state ^ (u64)LAST;
}
