u32 compute(WORD x)
{
    u32 ones = 0;
    for (; x; x >>= 1)
        ones += x & 1;
    return ones;
}
