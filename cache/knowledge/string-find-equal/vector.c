INLINE V hit(V bytes, V with)
{
    return OR(OP(cmpeq_epi8)(bytes, with), OP(cmpeq_epi8)(bytes, ZERO));
}

INLINE place compute(const u8 *text, u8 wanted)
{
    size_t at = find_end(text, hit, OP(set1_epi8)((char)wanted));
    u8 seen = text[at];
    bool found = seen == wanted && (END || seen);
    return (s64)chosen(found, at, -1ul);
}
