/* Sixteen bytes at once where they share 64 bytes with the first of them in both strings. */
INLINE order compute(const CHARACTER *x, const CHARACTER *y, size_t length)
{
    while (length) {
        if (((u64)x & 63) <= 48 && ((u64)y & 63) <= 48) {
            __m128i one = load(x), same = _mm_cmpeq_epi8(one, load(y));
            __m128i on = _mm_andnot_si128(_mm_cmpeq_epi8(one, _mm_setzero_si128()), same);
            u32 stop = bits16(on) ^ 0xffff;
            if (stop) {
                size_t at = (size_t)__builtin_ctz(stop);
                if (at >= length)
                    return 0;
                x += at;
                y += at;
                return SIGN ? (*x > *y) - (*x < *y) : *x - *y;
            }
            x += 16;
            y += 16;
            length -= least(length, 16);
        } else {
            if (!*x || *x != *y)
                return SIGN ? (*x > *y) - (*x < *y) : *x - *y;
            x++;
            y++;
            length--;
        }
    }
    return 0;
}
