/* Sums in 64 bits need a remainder only now and then. */
INLINE u64 compute(const ELEMENT *data, size_t length)
{
    u64 a = (u32)FIRST, b = (u32)SECOND;
    while (length) {
        size_t block = length < 1024 ? length : 1024;
        length -= block;
        for (; block >= 4; block -= 4, data += 4) {
            b += 4 * a + (4 * (u64)data[0] + 3 * (u64)data[1]) + (2 * (u64)data[2] + data[3]);
            a += ((u64)data[0] + data[1]) + ((u64)data[2] + data[3]);
        }
        for (; block; block--, data++) {
            a += *data;
            b += a;
        }
        a %= (u32)MODULUS;
        b %= (u32)MODULUS;
    }
    return b << SHIFT | a;
}
