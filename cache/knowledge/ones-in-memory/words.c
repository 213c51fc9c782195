INLINE u64 compute(const ELEMENT *data, size_t length)
{
    const u8 *p = (const u8 *)data;
    size_t n = length * sizeof *data;
    u64 a = 0, b = 0, c = 0, d = 0;
    for (; n >= 32; n -= 32, p += 32) {
        a += (u64)__builtin_popcountll(load64(p));
        b += (u64)__builtin_popcountll(load64(p + 8));
        c += (u64)__builtin_popcountll(load64(p + 16));
        d += (u64)__builtin_popcountll(load64(p + 24));
    }
    for (; n >= 8; n -= 8, p += 8)
        a += (u64)__builtin_popcountll(load64(p));
    for (; n; n -= sizeof *data, p += sizeof *data)
        a += (u64)__builtin_popcountll(*(const ELEMENT *)p);
    return a + b + c + d;
}
