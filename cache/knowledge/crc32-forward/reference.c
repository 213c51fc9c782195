/* The state stands in the highest bits of a word. */
u32 step(u32 state)
{
    return state >> 31 ? state << 1 ^ (u32)(POLYNOMIAL << (32 - SIZE)) : state << 1;
}

u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = (start ^ (u32)FIRST) << (32 - SIZE);
    for (size_t i = 0; i < length; i++) {
        state ^= (u32)data[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            state = step(state);
    }
    return (state >> (32 - SIZE)) ^ ((u32)LAST & (u32)((1ul << SIZE) - 1));
}

/* The state after `bytes` zero bytes. */
u32 later(u32 state, int bytes)
{
    for (int bit = 0; bit < 8 * bytes; bit++)
        state = step(state);
    return state;
}

/* Nibble 0 is the lowest of the first four bytes read as one number, the highest byte first. */
void make_NIBBLES(u32 *out)
{
    for (int nibble = 0; nibble < 16; nibble++)
        for (u32 value = 0; value < 16; value++)
            out[16 * nibble + value] = later(value << 4 * (nibble % 8), nibble < 8 ? 8 : 4);
}

void make_BITS(u32 *out)
{
    for (int bit = 0; bit < 32; bit++)
        out[bit] = later(1u << bit, 4);
}

void make_POWERS(u64 *out)
{
    const int powers[4] = { 576, 512, 192, 128 };
    for (int i = 0; i < 4; i++) {
        u32 state = 1;
        for (int bit = 0; bit < powers[i]; bit++)
            state = step(state);
        out[i] = (u64)state;
    }
}
