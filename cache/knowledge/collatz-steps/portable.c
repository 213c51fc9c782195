INLINE u32 compute(WORD x)
{
    u32 steps = 0;
    while (x > 1) {
        u32 zeros = sizeof x == 4 ? (u32)__builtin_ctz((u32)x) : (u32)__builtin_ctzl((u64)x);
        steps += zeros;
        x >>= zeros;
        if (x > 1) {
            x = 3 * x + 1;
            steps++;
        }
    }
    return steps;
}
