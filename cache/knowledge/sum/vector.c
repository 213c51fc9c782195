/* Bytes are added eight at a time, words in pairs; signed ones as unsigned ones less a constant. */
INLINE V sums(V bytes)
{
    if (sizeof(ELEMENT) == 1)
        return OP(sad_epu8)(bytes, ZERO);
    V even = OP(srli_epi32)(OP(slli_epi32)(bytes, 16), 16), odd = OP(srli_epi32)(bytes, 16);
    V pairs = OP(add_epi32)(even, odd);
    return OP(add_epi64)(OP(srli_epi64)(pairs, 32), AND(pairs, OP(set1_epi64x)(0xffffffff)));
}

INLINE u64 compute(const ELEMENT *data, size_t length)
{
    const bool negative = (ELEMENT)-1 < 0;
    V top = sizeof(ELEMENT) == 1 ? OP(set1_epi8)(-128) : OP(set1_epi16)(-32768);
    V flip = negative ? top : ZERO;
    const u8 *p = (const u8 *)data;
    size_t n = length * sizeof *data;
    V sum = ZERO;
    for (; n >= WIDTH; n -= WIDTH, p += WIDTH)
        sum = OP(add_epi64)(sum, sums(XOR(loadv(p), flip)));
    if (WIDTH > 16 && n >= 16) {
        sum = OP(add_epi64)(sum, sums(widened(_mm_xor_si128(load(p), lower(flip)))));
        p += 16;
        n -= 16;
    }
    if (n) {
        struct part rest = part(p, n);
        V bytes = widened(_mm_xor_si128(rest.bytes, _mm_and_si128(rest.mask, lower(flip))));
        sum = OP(add_epi64)(sum, sums(bytes));
    }
    u64 less = negative ? (u64)length << (8 * sizeof(ELEMENT) - 1) : 0;
    return total64(sum) - less;
}
