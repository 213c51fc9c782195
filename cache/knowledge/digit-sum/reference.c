u32 compute(WORD x)
{
    u32 sum = 0;
    for (; x; x /= 10)
        sum += (u32)(x % 10);
    return sum;
}
