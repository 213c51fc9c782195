INLINE s32 order_of(u8 x, u8 y)
{
    return SIGN ? (x < y ? -1 : 1) : x - y;
}

/* As in first-difference. */
INLINE s32 compute(const u8 *x, const u8 *y, size_t length)
{
    size_t i = 0;
    while (i < length) {
        if (((u64)(x + i) & 63) <= 48 && ((u64)(y + i) & 63) <= 48) {
            u32 other = bits16(_mm_cmpeq_epi8(load(x + i), load(y + i))) ^ 0xffff;
            if (other) {
                i += (size_t)__builtin_ctz(other);
                return i < length ? order_of(x[i], y[i]) : 0;
            }
            i += 16;
        } else {
            if (x[i] != y[i])
                return order_of(x[i], y[i]);
            i++;
        }
    }
    return 0;
}
