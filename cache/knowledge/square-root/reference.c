u32 compute(WORD x)
{
    u64 root = 0;
    for (u64 bit = 1ul << 31; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= x)
            root |= bit;
    return (u32)root;
}
