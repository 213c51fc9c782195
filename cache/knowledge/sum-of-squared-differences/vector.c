INLINE V squares(V x, V y)
{
    V apart = OR(OP(subs_epu8)(x, y), OP(subs_epu8)(y, x));
    V low = OP(unpacklo_epi8)(apart, ZERO), high = OP(unpackhi_epi8)(apart, ZERO);
    V sum = OP(add_epi32)(OP(madd_epi16)(low, low), OP(madd_epi16)(high, high));
    return OP(add_epi64)(OP(srli_epi64)(sum, 32), AND(sum, OP(set1_epi64x)(0xffffffff)));
}

INLINE u64 compute(const u8 *x, const u8 *y, size_t length)
{
    V sum = ZERO;
    u64 rest = 0;
    for (; length >= WIDTH; length -= WIDTH, x += WIDTH, y += WIDTH)
        sum = OP(add_epi64)(sum, squares(loadv(x), loadv(y)));
    if (length & 16 & (WIDTH - 1)) {
        sum = OP(add_epi64)(sum, squares(widened(load(x)), widened(load(y))));
        x += 16;
        y += 16;
    }
    if (length & 8) {
        sum = OP(add_epi64)(sum, squares(widened(load8(x)), widened(load8(y))));
        x += 8;
        y += 8;
    }
    if (length & 4) {
        sum = OP(add_epi64)(sum, squares(widened(load4(x)), widened(load4(y))));
        x += 4;
        y += 4;
    }
    for (length &= 3; length; length--, x++, y++)
        rest += (u64)((*x - *y) * (*x - *y));
    return total64(sum) + rest;
}
