INLINE s32 order(u8 x, u8 y)
{
    return SIGN ? (x < y ? -1 : 1) : x - y;
}

/* As in first-difference. */
INLINE s32 compute(const u8 *x, const u8 *y, size_t length)
{
    size_t i = 0;
    while (i + 16 <= length) {
        if (((u64)(x + i) & 63) <= 48 && ((u64)(y + i) & 63) <= 48) {
            u32 other = bits16(_mm_cmpeq_epi8(load(x + i), load(y + i))) ^ 0xffff;
            if (other) {
                i += (size_t)__builtin_ctz(other);
                return order(x[i], y[i]);
            }
            i += 16;
        } else {
            if (x[i] != y[i])
                return order(x[i], y[i]);
            i++;
        }
    }
    for (; i < length; i++)
        if (x[i] != y[i])
            return order(x[i], y[i]);
    return 0;
}
