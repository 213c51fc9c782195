u32 compute(WORD x)
{
    u32 zeros = 8 * sizeof x;
    if (!x)
        return (u32)OF_ZERO;
    for (; x; x >>= 1)
        zeros--;
    return zeros;
}
