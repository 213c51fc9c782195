INLINE bool compute(WORD x)
{
    u32 half = (u32)x ^ (u32)((u64)x >> 32);
    half ^= half >> 16;
    return __builtin_parity((u8)(half ^ half >> 8));
}
