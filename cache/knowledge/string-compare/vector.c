/* Sixteen bytes at once where they share 64 bytes with the first of them in both strings. */
INLINE order compute(const CHARACTER *x, const CHARACTER *y)
{
    for (;;) {
        if (((u64)x & 63) <= 48 && ((u64)y & 63) <= 48) {
            __m128i one = load(x), same = _mm_cmpeq_epi8(one, load(y));
            __m128i on = _mm_andnot_si128(_mm_cmpeq_epi8(one, _mm_setzero_si128()), same);
            u32 stop = bits16(on) ^ 0xffff;
            if (stop) {
                x += __builtin_ctz(stop);
                y += __builtin_ctz(stop);
                break;
            }
            x += 16;
            y += 16;
        } else {
            if (!*x || *x != *y)
                break;
            x++;
            y++;
        }
    }
    return SIGN ? (*x > *y) - (*x < *y) : *x - *y;
}
