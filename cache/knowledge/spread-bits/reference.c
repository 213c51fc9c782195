u64 compute(u32 x)
{
    u64 y = 0;
    for (u32 i = 0; i < (u32)BITS; i++)
        y |= (u64)(x >> i & 1) << 2 * i;
    return y;
}
