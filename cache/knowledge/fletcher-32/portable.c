/* Sums in 64 bits need a remainder only now and then. */
INLINE u32 compute(const u16 *data, size_t length)
{
    u64 a = (u32)FIRST, b = (u32)FIRST;
    while (length) {
        size_t block = length < 1024 ? length : 1024;
        length -= block;
        for (; block >= 4; block -= 4, data += 4) {
            b += 4 * a + 4 * data[0] + 3 * data[1] + 2 * data[2] + data[3];
            a += (u64)data[0] + data[1] + data[2] + data[3];
        }
        for (; block; block--, data++) {
            a += *data;
            b += a;
        }
        a %= 65535;
        b %= 65535;
    }
    return (u32)(b << 16 | a);
}
