u32 compute(WORD x)
{
    u32 digits = 0;
    if (!x)
        return (u32)OF_ZERO;
    for (; x; x /= 10)
        digits++;
    return digits + (u32)MORE;
}
