INLINE u32 compute(WORD x, WORD y)
{
    return (u32)__builtin_popcountll(x ^ y);
}
