/* Two numbers in a row at half the index give those at the index. */
INLINE WORD compute(u32 n)
{
    WORD a = 0, b = 1;
    if (!n)
        return 0;
    for (int bit = 31 - __builtin_clz(n); bit >= 0; bit--) {
        WORD even = a * (2 * b - a), odd = a * a + b * b;
        a = n >> bit & 1 ? odd : even;
        b = n >> bit & 1 ? even + odd : odd;
    }
    return a;
}
