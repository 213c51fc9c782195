/* Halves and differences in place of remainders; a remainder at first, where sizes are apart. */
INLINE WORD compute(WORD x, WORD y)
{
    if ((WORD)-1 < 0 && (x | y) < 0) {
        while (y) {
            WORD rest = x % y;
            x = y;
            y = rest;
        }
        return x;
    }
    if (!x || !y)
        return x | y;
    u64 a = (u64)x, b = (u64)y;
    if (sizeof x == 4)
        a = (u32)a, b = (u32)b;
    int shift = __builtin_ctzl(a | b);
    a >>= __builtin_ctzl(a);
    for (;;) {
        b >>= __builtin_ctzl(b);
        u64 less = b - a;
        if (!less)
            break;
        u64 least = b < a ? b : a;
        b = b < a ? a - b : less;
        a = least;
    }
    return (WORD)(a << shift);
}
