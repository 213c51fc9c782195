u32 compute(WORD x)
{
    u32 zeros = 0;
    if (!x)
        return (u32)OF_ZERO;
    for (; !(x & 1); x >>= 1)
        zeros++;
    return zeros;
}
