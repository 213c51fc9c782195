INLINE WORD compute(WORD x)
{
    u64 y = __builtin_bswap64(x) >> (64 - 8 * sizeof x);
    y = (y >> 4 & 0x0f0f0f0f0f0f0f0f) | (y & 0x0f0f0f0f0f0f0f0f) << 4;
    y = (y >> 2 & 0x3333333333333333) | (y & 0x3333333333333333) << 2;
    return (WORD)((y >> 1 & 0x5555555555555555) | (y & 0x5555555555555555) << 1);
}
