INLINE V same(V x, V y)
{
    if (sizeof(ELEMENT) == 1)
        return OP(cmpeq_epi8)(x, y);
    return sizeof(ELEMENT) == 2 ? OP(cmpeq_epi16)(x, y) : OP(cmpeq_epi32)(x, y);
}

INLINE V other(V x, V y)
{
    return XOR(same(x, y), OP(set1_epi8)(-1));
}

INLINE position compute(const ELEMENT *data, size_t length, ELEMENT usual)
{
    V all = sizeof(ELEMENT) == 1   ? OP(set1_epi8)((char)usual)
            : sizeof(ELEMENT) == 2 ? OP(set1_epi16)((s16)usual)
                                   : OP(set1_epi32)((s32)usual);
    return find_byte((const u8 *)data, length * sizeof *data, other, all) / sizeof *data;
}
