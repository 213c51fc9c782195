INLINE V ones(V x)
{
    V fives = OP(set1_epi8)(0x55), threes = OP(set1_epi8)(0x33), fs = OP(set1_epi8)(0x0f);
    x = OP(sub_epi8)(x, AND(OP(srli_epi64)(x, 1), fives));
    x = OP(add_epi8)(AND(x, threes), AND(OP(srli_epi64)(x, 2), threes));
    x = AND(OP(add_epi8)(x, OP(srli_epi64)(x, 4)), fs);
    return OP(sad_epu8)(x, ZERO);
}

INLINE u64 compute(const ELEMENT *data, size_t length)
{
    const u8 *p = (const u8 *)data;
    size_t n = length * sizeof *data;
    V sum = ZERO;
    for (; n >= WIDTH; n -= WIDTH, p += WIDTH)
        sum = OP(add_epi64)(sum, ones(loadv(p)));
    if (WIDTH > 16 && n >= 16) {
        sum = OP(add_epi64)(sum, ones(widened(load(p))));
        p += 16;
        n -= 16;
    }
    if (n)
        sum = OP(add_epi64)(sum, ones(widened(part(p, n).bytes)));
    return total64(sum);
}
