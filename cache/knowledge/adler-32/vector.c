/* Sixteen bytes a step: their sum, and their sum weighted by how often each is added again. */
INLINE u32 compute(const u8 *data, size_t length, u32 start)
{
    const u32 modulus = 65521;
    u32 a = start & 0xffff, b = start >> 16;
    const __m128i zero = _mm_setzero_si128();
    const __m128i high = _mm_set_epi16(9, 10, 11, 12, 13, 14, 15, 16);
    const __m128i low = _mm_set_epi16(1, 2, 3, 4, 5, 6, 7, 8);
    while (length >= 16) {
        size_t blocks = length / 16 < 256 ? length / 16 : 256;
        length -= 16 * blocks;
        __m128i sum = zero, before = zero, weighted = zero;
        b = (u32)((b + (u64)a * 16 * blocks) % modulus);
        for (; blocks; blocks--, data += 16) {
            __m128i bytes = load(data);
            before = _mm_add_epi32(before, sum);
            sum = _mm_add_epi32(sum, _mm_sad_epu8(bytes, zero));
            __m128i one = _mm_madd_epi16(_mm_unpacklo_epi8(bytes, zero), high);
            __m128i two = _mm_madd_epi16(_mm_unpackhi_epi8(bytes, zero), low);
            weighted = _mm_add_epi32(weighted, _mm_add_epi32(one, two));
        }
        a = (a + across32(sum)) % modulus;
        b = (u32)((b + 16ul * across32(before) + across32(weighted)) % modulus);
    }
    for (; length; length--, data++) {
        a += *data;
        a -= a >= modulus ? modulus : 0;
        b += a;
        b -= b >= modulus ? modulus : 0;
    }
    return b << 16 | a;
}
