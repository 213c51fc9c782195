INLINE V ends(V bytes, V with)
{
    return OR(members(bytes, with), OP(cmpeq_epi8)(bytes, ZERO));
}

INLINE u64 compute(const u8 *text)
{
    return find_end(text, ends, ZERO);
}
