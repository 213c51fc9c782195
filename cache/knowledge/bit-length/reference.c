u32 compute(WORD x)
{
    u32 bits = 0;
    for (; x; x >>= 1)
        bits++;
    return bits;
}
