INLINE u32 compute(WORD x)
{
    return (u32)__builtin_popcountll(x);
}
