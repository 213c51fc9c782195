/* For those that look at everything: no branch depends on what is found. */
INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    const V with = all_lanes((u64)wanted, sizeof *data);
    const u8 *p = (const u8 *)data;
    const size_t n = length * sizeof *data;
    size_t last = n, i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        u32 found = bits_of(same_lanes(loadv(p + i), with, sizeof *data));
        size_t here = i + 31 - (u32)__builtin_clz(found | 1);
        last = chosen(found, here, last);
    }
    for (; i < n; i += sizeof *data)
        last = chosen(*(const ELEMENT *)(p + i) == wanted, i, last);
    return last / sizeof *data;
}
