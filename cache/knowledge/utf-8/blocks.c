/* Sixteen bytes below 128 at once, where they share 64 bytes with the first of them. */
INLINE bool compute(const u8 *data, size_t length)
{
    const u8 *end = data + length;
    while (data < end) {
        u32 byte = *data;
        if (byte < 0x80) {
            if (end - data >= 16 && ((u64)data & 63) <= 48) {
                data += __builtin_ctz(bits16(load(data)) | 0x10000);
                continue;
            }
            data++;
            continue;
        }
        if (byte < 0xe0) {
            if (byte < (LONG ? 0xc0 : 0xc2) || end - data < 2 || data[1] >> 6 != 2)
                return 0;
            data += 2;
        } else if (byte < 0xf0) {
            if (end - data < 3 || data[1] >> 6 != 2 || data[2] >> 6 != 2)
                return 0;
            u32 code = (byte & 15) << 6 | (data[1] & 63);
            if ((!LONG && code < 0x20) || (!SURROGATES && code >> 5 == 0x1b))
                return 0;
            data += 3;
        } else {
            if (byte > (LAST == 0x10ffff ? 0xf4 : 0xf7) || end - data < 4)
                return 0;
            if (data[1] >> 6 != 2 || data[2] >> 6 != 2 || data[3] >> 6 != 2)
                return 0;
            u32 code = (byte & 7) << 6 | (data[1] & 63);
            if ((!LONG && code < 0x10) || code > LAST >> 12)
                return 0;
            data += 4;
        }
    }
    return 1;
}
