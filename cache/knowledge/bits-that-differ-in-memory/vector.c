INLINE V ones(V x)
{
    V fives = OP(set1_epi8)(0x55), threes = OP(set1_epi8)(0x33), fs = OP(set1_epi8)(0x0f);
    x = OP(sub_epi8)(x, AND(OP(srli_epi64)(x, 1), fives));
    x = OP(add_epi8)(AND(x, threes), AND(OP(srli_epi64)(x, 2), threes));
    x = AND(OP(add_epi8)(x, OP(srli_epi64)(x, 4)), fs);
    return OP(sad_epu8)(x, ZERO);
}

INLINE u64 compute(const ELEMENT *x, const ELEMENT *y, size_t length)
{
    V sum = ZERO;
    size_t i = 0;
    for (; i + WIDTH / sizeof *x <= length; i += WIDTH / sizeof *x)
        sum = OP(add_epi64)(sum, ones(XOR(loadv(x + i), loadv(y + i))));
    u64 rest = 0;
    for (; i < length; i++) {
        const u64 all = -1ul;
        u64 bits = (u64)(x[i] ^ y[i]);
        bits -= bits >> 1 & all / 3;
        bits = (bits & all / 5) + (bits >> 2 & all / 5);
        bits = (bits + (bits >> 4)) & all / 17;
        rest += bits * (all / 255) >> 56;
    }
    return total64(sum) + rest;
}
