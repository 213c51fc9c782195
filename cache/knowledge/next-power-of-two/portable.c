INLINE WORD compute(WORD x)
{
    if (x < 2)
        return x ? 1 : (WORD)OF_ZERO;
    WORD bits = sizeof x == 4 ? 31 - __builtin_clz((u32)x - 1) : 63 - __builtin_clzl((u64)x - 1);
    return (WORD)2 << bits;
}
