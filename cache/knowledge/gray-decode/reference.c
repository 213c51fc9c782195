WORD compute(WORD x)
{
    WORD y = 0;
    for (; x; x >>= 1)
        y ^= x;
    return y;
}
