INLINE u64 compute(const u8 *x, const u8 *y, size_t length)
{
    V sum = ZERO;
    for (; length >= WIDTH; length -= WIDTH, x += WIDTH, y += WIDTH)
        sum = OP(add_epi64)(sum, OP(sad_epu8)(loadv(x), loadv(y)));
    u64 rest = 0;
    if (length & 16 & (WIDTH - 1)) {
        rest = across64(_mm_sad_epu8(load(x), load(y)));
        x += 16;
        y += 16;
    }
    if (length & 8) {
        rest += low64(_mm_sad_epu8(_mm_loadl_epi64((const __m128i *)x),
                                   _mm_loadl_epi64((const __m128i *)y)));
        x += 8;
        y += 8;
    }
    if (length & 4) {
        rest += low64(_mm_sad_epu8(_mm_cvtsi32_si128((s32)load32(x)),
                                   _mm_cvtsi32_si128((s32)load32(y))));
        x += 4;
        y += 4;
    }
    for (length &= 3; length; length--, x++, y++)
        rest += (u64)__builtin_abs(*x - *y);
    return total64(sum) + rest;
}
