INLINE u32 compute(WORD x)
{
    if (sizeof x == 4)
        return x ? 32u - (u32)__builtin_clz((u32)x) : 0;
    return x ? 64u - (u32)__builtin_clzl((u64)x) : 0;
}
