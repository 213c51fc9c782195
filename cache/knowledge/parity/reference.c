bool compute(WORD x)
{
    bool odd = 0;
    for (; x; x >>= 1)
        odd ^= x & 1;
    return odd;
}
