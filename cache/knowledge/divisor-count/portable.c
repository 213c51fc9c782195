INLINE u32 compute(WORD x)
{
    u32 count = 0, i = 1;
    if (x <= 0)
        return 0;
    for (; (u64)i * i < (u64)x; i++)
        count += (u32)x % i == 0;
    return 2 * count + ((u64)i * i == (u64)x);
}
