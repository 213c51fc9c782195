INLINE WORD compute(WORD x)
{
    for (u32 shift = 1; shift < 8 * sizeof x; shift *= 2)
        x ^= x >> shift;
    return x;
}
