u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 a = start & 0xffff, b = start >> 16;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}
