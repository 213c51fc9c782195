/* The rows lie differently in their blocks: sixteen bytes are read at once only where they share
 * 64 bytes with the first of them in both. */
INLINE position compute(const u8 *x, const u8 *y, size_t length)
{
    size_t i = 0;
    while (i < length) {
        if (((u64)(x + i) & 63) <= 48 && ((u64)(y + i) & 63) <= 48) {
            u32 other = bits16(_mm_cmpeq_epi8(load(x + i), load(y + i))) ^ 0xffff;
            if (other)
                return least(i + (size_t)__builtin_ctz(other), length);
            i += 16;
        } else {
            if (x[i] != y[i])
                return i;
            i++;
        }
    }
    return length;
}
