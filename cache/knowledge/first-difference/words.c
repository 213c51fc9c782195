INLINE position compute(const u8 *x, const u8 *y, size_t length)
{
    size_t i = 0;
    while (i + 8 <= length) {
        if (((u64)(x + i) & 63) <= 56 && ((u64)(y + i) & 63) <= 56) {
            u64 other = load64(x + i) ^ load64(y + i);
            if (other)
                return i + (size_t)__builtin_ctzl(other) / 8;
            i += 8;
        } else {
            if (x[i] != y[i])
                return i;
            i++;
        }
    }
    while (i < length && x[i] == y[i])
        i++;
    return i;
}
