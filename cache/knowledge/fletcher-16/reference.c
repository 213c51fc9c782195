u32 compute(const u8 *data, size_t length)
{
    u32 a = (u32)FIRST, b = (u32)FIRST;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 255;
        b = (b + a) % 255;
    }
    return b << 8 | a;
}
