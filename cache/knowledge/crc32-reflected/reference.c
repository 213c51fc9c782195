u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = start ^ (u32)FIRST;
    for (size_t i = 0; i < length; i++) {
        state ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            state = state & 1 ? state >> 1 ^ (u32)POLYNOMIAL : state >> 1;
    }
    return state ^ (u32)LAST;
}

/* The state after `bytes` zero bytes. */
static u32 later(u32 state, int bytes)
{
    for (int bit = 0; bit < 8 * bytes; bit++)
        state = state & 1 ? state >> 1 ^ (u32)POLYNOMIAL : state >> 1;
    return state;
}

void make_NIBBLES(u32 *out)
{
    for (int nibble = 0; nibble < 16; nibble++)
        for (u32 value = 0; value < 16; value++)
            out[16 * nibble + value] = later(value << (nibble & 1 ? 4 : 0), 8 - nibble / 2);
}

void make_BITS(u32 *out)
{
    for (int bit = 0; bit < 32; bit++)
        out[bit] = later(1u << bit, 4);
}

void make_POWERS(u64 *out)
{
    const int powers[4] = { 575, 511, 191, 127 };
    for (int i = 0; i < 4; i++) {
        u32 state = 0x80000000;
        for (int bit = 0; bit < powers[i]; bit++)
            state = state & 1 ? state >> 1 ^ (u32)POLYNOMIAL : state >> 1;
        out[i] = (u64)state << 32;
    }
}
