/* Pairs of products of words. */
INLINE V products(V x, V y)
{
    if (sizeof(ELEMENT) == 2)
        return OP(madd_epi16)(x, y);
    if ((ELEMENT)-1 < 0)
        return OP(add_epi32)(OP(madd_epi16)(OP(srai_epi16)(OP(unpacklo_epi8)(x, x), 8),
                                            OP(srai_epi16)(OP(unpacklo_epi8)(y, y), 8)),
                             OP(madd_epi16)(OP(srai_epi16)(OP(unpackhi_epi8)(x, x), 8),
                                            OP(srai_epi16)(OP(unpackhi_epi8)(y, y), 8)));
    return OP(add_epi32)(OP(madd_epi16)(OP(unpacklo_epi8)(x, ZERO), OP(unpacklo_epi8)(y, ZERO)),
                         OP(madd_epi16)(OP(unpackhi_epi8)(x, ZERO), OP(unpackhi_epi8)(y, ZERO)));
}

INLINE V added(V sum, V pairs)
{
    if (sizeof(WORD) == 4)
        return OP(add_epi32)(sum, pairs);
    V signs = sizeof(ELEMENT) == 2 ? ZERO : OP(cmpgt_epi32)(ZERO, pairs);
    if (sizeof(ELEMENT) == 2) {
        /* Only two products of the lowest number overflow: they make it, as if it were negative. */
        V most = OP(set1_epi32)(-0x7fffffff - 1);
        signs = ANDNOT(OP(cmpeq_epi32)(pairs, most), OP(cmpgt_epi32)(ZERO, pairs));
    }
    sum = OP(add_epi64)(sum, OP(unpacklo_epi32)(pairs, signs));
    return OP(add_epi64)(sum, OP(unpackhi_epi32)(pairs, signs));
}

INLINE WORD compute(const ELEMENT *x, const ELEMENT *y, size_t length)
{
    const size_t step = WIDTH / sizeof *x;
    V one = ZERO, two = ZERO;
    size_t i = 0;
    for (; i + 2 * step <= length; i += 2 * step) {
        one = added(one, products(loadv(x + i), loadv(y + i)));
        two = added(two, products(loadv(x + i + step), loadv(y + i + step)));
    }
    if (i + step <= length) {
        one = added(one, products(loadv(x + i), loadv(y + i)));
        i += step;
    }
    if (WIDTH > 16 && (length - i) * sizeof *x >= 16) {
        two = added(two, products(widened(load(x + i)), widened(load(y + i))));
        i += 16 / sizeof *x;
    }
    if ((length - i) * sizeof *x >= 8) {
        two = added(two, products(widened(load8(x + i)), widened(load8(y + i))));
        i += 8 / sizeof *x;
    }
    WORD sum = 0;
    if (sizeof(WORD) == 4)
        sum = (WORD)total32(OP(add_epi32)(one, two));
    else
        sum = (WORD)total64(OP(add_epi64)(one, two));
    for (; i < length; i++)
        sum += (WORD)x[i] * (WORD)y[i];
    return sum;
}
