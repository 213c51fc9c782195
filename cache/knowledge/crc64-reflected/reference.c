u64 compute(const u8 *data, size_t length, u64 start)
{
    u64 state = start ^ (u64)FIRST;
    for (size_t i = 0; i < length; i++) {
        state ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            state = state & 1 ? state >> 1 ^ (u64)POLYNOMIAL : state >> 1;
    }
    return state ^ (u64)LAST;
}

/* The state after `bytes` zero bytes. */
static u64 later(u64 state, int bytes)
{
    for (int bit = 0; bit < 8 * bytes; bit++)
        state = state & 1 ? state >> 1 ^ (u64)POLYNOMIAL : state >> 1;
    return state;
}

void make_BITS(u64 *out)
{
    for (int bit = 0; bit < 32; bit++)
        out[bit] = later(1ul << bit, 4);
}

void make_NIBBLES(u64 *out)
{
    for (int nibble = 0; nibble < 8; nibble++)
        for (u64 value = 0; value < 16; value++)
            out[16 * nibble + value] = later(value << (nibble & 1 ? 4 : 0), 4 - nibble / 2);
}
