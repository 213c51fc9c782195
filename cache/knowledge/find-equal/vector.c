INLINE V same(V bytes, V wanted)
{
    if (sizeof(ELEMENT) == 1)
        return OP(cmpeq_epi8)(bytes, wanted);
    return sizeof(ELEMENT) == 2 ? OP(cmpeq_epi16)(bytes, wanted) : OP(cmpeq_epi32)(bytes, wanted);
}

INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    V all = sizeof(ELEMENT) == 1   ? OP(set1_epi8)((char)wanted)
            : sizeof(ELEMENT) == 2 ? OP(set1_epi16)((s16)wanted)
                                   : OP(set1_epi32)((s32)wanted);
    return find_byte((const u8 *)data, length * sizeof *data, same, all) / sizeof *data;
}
