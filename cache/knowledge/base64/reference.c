static u8 letter(u32 six)
{
    if (six < 26)
        return (u8)('A' + six);
    if (six < 52)
        return (u8)('a' + six - 26);
    if (six < 62)
        return (u8)('0' + six - 52);
    return six == 62 ? (u8)LETTER_62 : (u8)LETTER_63;
}

u64 compute(u8 *out, const u8 *data, size_t length)
{
    size_t at = 0, i = 0;
    for (; i + 3 <= length; i += 3) {
        u32 three = (u32)(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        out[at++] = letter(three >> 18);
        out[at++] = letter(three >> 12 & 63);
        out[at++] = letter(three >> 6 & 63);
        out[at++] = letter(three & 63);
    }
    if (i < length) {
        bool two = i + 1 < length;
        u32 rest = (u32)(data[i] << 16 | (two ? data[i + 1] << 8 : 0));
        out[at++] = letter(rest >> 18);
        out[at++] = letter(rest >> 12 & 63);
        if (two)
            out[at++] = letter(rest >> 6 & 63);
        else if (FILL)
            out[at++] = (u8)FILL;
        if (FILL)
            out[at++] = (u8)FILL;
    }
    if (END)
        out[at] = 0;
    return at;
}
