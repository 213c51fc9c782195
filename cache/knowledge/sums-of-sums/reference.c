u64 compute(const ELEMENT *data, size_t length)
{
    u64 a = (u32)FIRST, b = (u32)SECOND, modulus = (u32)MODULUS ? (u32)MODULUS : 1;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % modulus;
        b = (b + a) % modulus;
    }
    return b << SHIFT | a;
}
