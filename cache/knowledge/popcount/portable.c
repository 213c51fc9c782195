INLINE u32 compute(WORD x)
{
    const WORD ones = (WORD)-1;
    x -= x >> 1 & ones / 3;
    x = (x & ones / 5) + (x >> 2 & ones / 5);
    x = (x + (x >> 4)) & ones / 17;
    return (u32)(x * (ones / 255) >> (8 * sizeof x - 8));
}
