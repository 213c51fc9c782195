s32 compute(WORD x)
{
    s32 at = 8 * sizeof x - 1;
    if (!x)
        return (s32)OF_ZERO;
    while (!(x >> at & 1))
        at--;
    return at;
}
