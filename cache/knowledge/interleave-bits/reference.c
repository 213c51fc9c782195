u64 compute(u32 x, u32 y)
{
    u64 z = 0;
    for (u32 i = 0; i < (u32)BITS; i++)
        z |= (u64)(x >> i & 1) << 2 * i | (u64)(y >> i & 1) << (2 * i + 1);
    return z;
}
