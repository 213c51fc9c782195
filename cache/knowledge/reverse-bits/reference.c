WORD compute(WORD x)
{
    WORD y = 0;
    for (u32 i = 0; i < 8 * sizeof x; i++)
        y = (WORD)(y << 1 | (x >> i & 1));
    return y;
}
