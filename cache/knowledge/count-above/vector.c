INLINE V not_below(V x, V limit)
{
    return OP(cmpeq_epi8)(OP(max_epu8)(x, limit), x);
}

INLINE V not_above(V x, V limit)
{
    return OP(cmpeq_epi8)(OP(min_epu8)(x, limit), x);
}

INLINE u64 compute(const u8 *data, size_t length, u8 limit)
{
    V all = OP(set1_epi8)((char)limit);
    if (RELATION == 1 || RELATION == 2) {
        u64 count = count_bytes(data, length, not_below, all);
        return RELATION == 1 ? count : length - count;
    }
    u64 count = count_bytes(data, length, not_above, all);
    return RELATION == 3 ? count : length - count;
}
