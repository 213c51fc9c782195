/* A guess from the number of bits, then Newton's steps, which never go below the root. */
INLINE u32 compute(WORD x)
{
    if (!x)
        return 0;
    u32 bits = sizeof x == 4 ? 31 - (u32)__builtin_clz((u32)x) : 63 - (u32)__builtin_clzl((u64)x);
    WORD guess = (((WORD)1 << bits / 2) + (x >> bits / 2)) / 2 + 1;
    for (;;) {
        WORD next = (guess + x / guess) / 2;
        if (next >= guess)
            return (u32)guess;
        guess = next;
    }
}
