u32 compute(const u16 *data, size_t length)
{
    u32 a = (u32)FIRST, b = (u32)FIRST;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 65535;
        b = (b + a) % 65535;
    }
    return b << 16 | a;
}
