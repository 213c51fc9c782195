u32 compute(WORD x, WORD y)
{
    u32 ones = 0;
    for (x ^= y; x; x >>= 1)
        ones += x & 1;
    return ones;
}
