INLINE V same(V x, V y)
{
    if (sizeof(ELEMENT) == 1)
        return OP(cmpeq_epi8)(x, y);
    return sizeof(ELEMENT) == 2 ? OP(cmpeq_epi16)(x, y) : OP(cmpeq_epi32)(x, y);
}

INLINE u64 compute(const ELEMENT *data, size_t length)
{
    if (!length)
        return (u64)OF_NOTHING;
    const u8 *p = (const u8 *)data;
    size_t n = (length - 1) * sizeof *data;
    u64 alike = 0;
    V total = ZERO;
    while (n >= WIDTH) {
        size_t blocks = n / WIDTH < 255 ? n / WIDTH : 255;
        V sum = ZERO;
        n -= blocks * WIDTH;
        for (; blocks; blocks--, p += WIDTH)
            sum = OP(sub_epi8)(sum, same(loadv(p), loadv(p + sizeof *data)));
        total = OP(add_epi64)(total, OP(sad_epu8)(sum, ZERO));
    }
    if (n && (length - 1) * sizeof *data >= WIDTH) {
        /* The last block begins before what is left of it. */
        static const u8 masks[64] = { [WIDTH ... 2 * WIDTH - 1] = 255 };
        const u8 *block = p + n - WIDTH;
        V last = AND(same(loadv(block), loadv(block + sizeof *data)), loadv(masks + n));
        total = OP(add_epi64)(total, OP(sad_epu8)(OP(sub_epi8)(ZERO, last), ZERO));
        n = 0;
    }
    for (; n; n -= sizeof *data, p += sizeof *data)
        alike += *(const ELEMENT *)p == ((const ELEMENT *)p)[1];
    return length - 1 - alike - total64(total) / sizeof *data + (u64)FIRST;
}
