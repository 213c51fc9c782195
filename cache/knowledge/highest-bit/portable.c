INLINE s32 compute(WORD x)
{
    if (sizeof x == 4)
        return x ? 31 - __builtin_clz((u32)x) : (s32)OF_ZERO;
    return x ? 63 - __builtin_clzl((u64)x) : (s32)OF_ZERO;
}
