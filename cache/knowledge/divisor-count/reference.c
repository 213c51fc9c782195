u32 compute(WORD x)
{
    u32 count = 0;
    for (WORD i = 1; i <= x && i < 2000000; i++)
        count += x % i == 0;
    return count;
}
