u64 step(u64 state)
{
    return state >> 63 ? state << 1 ^ (u64)POLYNOMIAL : state << 1;
}

u64 compute(const u8 *data, size_t length, u64 start)
{
    u64 state = start ^ (u64)FIRST;
    for (size_t i = 0; i < length; i++) {
        state ^= (u64)data[i] << 56;
        for (int bit = 0; bit < 8; bit++)
            state = step(state);
    }
    return state ^ (u64)LAST;
}

void make_BITS(u64 *out)
{
    for (int bit = 0; bit < 32; bit++) {
        u64 state = 1ul << (32 + bit);
        for (int i = 0; i < 32; i++)
            state = step(state);
        out[bit] = state;
    }
}

/* Nibble 0 is the lowest of four bytes read as one number, the highest byte first. */
void make_NIBBLES(u64 *out)
{
    for (int nibble = 0; nibble < 8; nibble++)
        for (u64 value = 0; value < 16; value++) {
            u64 state = value << (32 + 4 * nibble);
            for (int bit = 0; bit < 32; bit++)
                state = step(state);
            out[16 * nibble + value] = state;
        }
}
