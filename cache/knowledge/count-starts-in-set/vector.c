INLINE bool member(u8 byte)
{
    bool found = 0;
#define R(first, last, what) found |= (u8)(byte - first) <= last - first;
    RANGES(R)
#undef R
    return found;
}

INLINE V starts(const u8 *p)
{
    return ANDNOT(members(loadv(p - 1), ZERO), members(loadv(p), ZERO));
}

INLINE u64 compute(const u8 *data, size_t length)
{
    if (!length)
        return 0;
    bool before = member(*data);
    u64 count = before;
    V total = ZERO;
    data++;
    length--;
    while (length >= WIDTH) {
        size_t blocks = length / WIDTH < 255 ? length / WIDTH : 255;
        V sum = ZERO;
        length -= blocks * WIDTH;
        for (; blocks; blocks--, data += WIDTH)
            sum = OP(sub_epi8)(sum, starts(data));
        total = OP(add_epi64)(total, OP(sad_epu8)(sum, ZERO));
    }
    before = member(data[-1]);
    for (; length; length--, data++) {
        bool now = member(*data);
        count += now & !before;
        before = now;
    }
    return count + total64(total);
}
