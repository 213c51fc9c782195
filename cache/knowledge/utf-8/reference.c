bool compute(const u8 *data, size_t length)
{
    size_t i = 0;
    while (i < length) {
        u32 byte = data[i], more, least;
        if (byte < 0x80) {
            i++;
            continue;
        }
        if (byte >> 5 == 6) {
            more = 1;
            least = 0x80;
        } else if (byte >> 4 == 14) {
            more = 2;
            least = 0x800;
        } else if (byte >> 3 == 30) {
            more = 3;
            least = 0x10000;
        } else {
            return 0;
        }
        if (length - i <= more)
            return 0;
        u32 code = byte & (0x3f >> more);
        for (u32 k = 1; k <= more; k++) {
            if (data[i + k] >> 6 != 2)
                return 0;
            code = code << 6 | (data[i + k] & 63);
        }
        if ((!LONG && code < least) || (!SURROGATES && code >> 11 == 0x1b) || code > LAST)
            return 0;
        i += more + 1;
    }
    return 1;
}
