INLINE place compute(const u8 *text, u8 wanted)
{
    const V with = OP(set1_epi8)((char)wanted);
    size_t before = (u64)text & (WIDTH - 1);
    const u8 *block = text - before;
    u32 known = -1u << before, hit, end;
    s64 last = -1;
    for (;; block += WIDTH, known = -1u) {
        V bytes = loada(block);
        hit = bits_of(OP(cmpeq_epi8)(bytes, with)) & known;
        end = bits_of(OP(cmpeq_epi8)(bytes, ZERO)) & known;
        if (end)
            break;
        s64 here = block - text + (31 - __builtin_clz(hit | 1));
        last = (s64)chosen(hit, (u64)here, (u64)last);
    }
    u32 upto = end ^ (end - 1);
    if (!END)
        upto >>= 1;
    hit &= upto;
    s64 here = block - text + (31 - __builtin_clz(hit | 1));
    return (s64)chosen(hit, (u64)here, (u64)last);
}
