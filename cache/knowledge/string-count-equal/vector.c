INLINE u64 compute(const u8 *text, u8 wanted)
{
    size_t before = (u64)text & (WIDTH - 1);
    const u8 *block = text - before;
    u64 count = 0;
    u32 known = -1u << before;
    V all = OP(set1_epi8)((char)wanted);
    if (!wanted)
        return 0;
    for (;; block += WIDTH, known = -1u) {
        V bytes = loadv(block);
        u32 hit = bits_of(OP(cmpeq_epi8)(bytes, all)) & known;
        u32 end = bits_of(OP(cmpeq_epi8)(bytes, ZERO)) & known;
        if (end)
            hit &= end ^ (end - 1);
        if (hit) {
            hit -= hit >> 1 & 0x55555555;
            hit = (hit & 0x33333333) + (hit >> 2 & 0x33333333);
            count += ((hit + (hit >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
        }
        if (end)
            return count;
    }
}
