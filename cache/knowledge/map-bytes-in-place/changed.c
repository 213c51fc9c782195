/* For those that write only what changes.  The last few are done one by one. */
INLINE void changed(u8 *data, __m128i before, u32 all)
{
    __m128i after = lower(mapped(widened(before)));
    u32 which = (bits16(_mm_cmpeq_epi8(before, after)) ^ 0xffff) & all;
    u8 bytes[16];
    store(bytes, after);
    for (; which; which &= which - 1) {
        u32 at = (u32)__builtin_ctz(which);
        data[at] = bytes[at];
    }
}

INLINE void compute(u8 *data, size_t length)
{
    for (; length >= 16; length -= 16, data += 16)
        changed(data, load(data), 0xffff);
    if (length >= 8) {
        changed(data, load8(data), 0xff);
        length -= 8;
        data += 8;
    }
    for (; length; length--, data++) {
        u8 byte = *data;
#define R(first, last, what)               \
    if ((u8)(byte - first) <= last - first) \
        *data = (u8)(byte + what);          \
    else
        RANGES(R);
#undef R
    }
}
