INLINE u32 compute(WORD x)
{
    if (sizeof x == 4)
        return x ? (u32)__builtin_clz((u32)x) : (u32)OF_ZERO;
    return x ? (u32)__builtin_clzl((u64)x) : (u32)OF_ZERO;
}
