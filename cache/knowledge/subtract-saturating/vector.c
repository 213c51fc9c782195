INLINE V both(V x, V y)
{
    if ((ELEMENT)-1 < 0)
        return sizeof(ELEMENT) == 1 ? OP(subs_epi8)(x, y) : OP(subs_epi16)(x, y);
    return sizeof(ELEMENT) == 1 ? OP(subs_epu8)(x, y) : OP(subs_epu16)(x, y);
}

INLINE void compute(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    const s32 least = (ELEMENT)-1 < 0 ? -(1 << (8 * sizeof(ELEMENT) - 1)) : 0;
    const s32 most = least + (1 << 8 * sizeof(ELEMENT)) - 1;
    const size_t step = WIDTH / sizeof *x, bytes = length * sizeof *x;
    size_t i = 0;
    bool safe = (out == x) | apart(out, bytes, x, bytes);
    safe &= (out == y) | apart(out, bytes, y, bytes);
    if (length >= step && safe)
        for (; i + step <= length; i += step)
            storev(out + i, both(loadv(x + i), loadv(y + i)));
    for (; i < length; i++) {
        s32 sum = x[i] - y[i];
        out[i] = (ELEMENT)(sum < least ? least : sum > most ? most : sum);
    }
}
