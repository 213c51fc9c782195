/* Aligned blocks, from the one with the last byte down to the one with the first. */
INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    if (!length)
        return 0;
    const V with = all_lanes((u64)wanted, sizeof *data);
    const u8 *p = (const u8 *)data;
    size_t left = length * sizeof *data;
    size_t behind = (u64)(p + left - 1) & (WIDTH - 1);
    u32 found = bits_of(same_lanes(loada(p + left - 1 - behind), with, sizeof *data));
    found <<= 31 - behind; /* the highest bit is the last byte's */
    if (length < 32 / sizeof *data)
        found = found >> (32 - left) << (32 - left);
    if (found)
        return (left - 1 - (u32)__builtin_clz(found)) / sizeof *data;
    if (left <= behind + 1)
        return length;
    for (left -= behind + 1; left >= WIDTH; left -= WIDTH) {
        found = bits_of(same_lanes(loada(p + left - WIDTH), with, sizeof *data));
        if (found)
            return (left - WIDTH + 31 - (u32)__builtin_clz(found)) / sizeof *data;
    }
    if (left) {
        found = bits_of(same_lanes(loada(p + left - WIDTH), with, sizeof *data)) >> (WIDTH - left);
        size_t here = (31 - (u32)__builtin_clz(found | 1)) / sizeof *data;
        length = chosen(found, here, length);
    }
    return length;
}
