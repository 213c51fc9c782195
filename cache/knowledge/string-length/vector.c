INLINE V ends(V bytes, V with)
{
    if (sizeof(ELEMENT) == 1)
        return OP(cmpeq_epi8)(bytes, with);
    return sizeof(ELEMENT) == 2 ? OP(cmpeq_epi16)(bytes, with) : OP(cmpeq_epi32)(bytes, with);
}

INLINE u64 compute(const ELEMENT *text)
{
    return find_end((const u8 *)text, ends, ZERO) / sizeof *text;
}
