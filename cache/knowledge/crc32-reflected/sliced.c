/* Eight bytes a step, each half byte looked up in 64 bytes of table. */
INLINE u32 slice(u32 word, const u32 *table)
{
    u32 state = 0;
    for (int nibble = 0; nibble < 8; nibble++)
        state ^= table[16 * nibble + (word >> 4 * nibble & 15)];
    return state;
}

INLINE u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = start ^ (u32)FIRST;
    for (; length >= 8; length -= 8, data += 8)
        state = slice(load32(data) ^ state, NIBBLES) ^ slice(load32(data + 4), NIBBLES + 128);
    for (; length; length--, data++) {
        state ^= *data;
        state = state >> 8 ^ NIBBLES[224 + (state & 15)] ^ NIBBLES[240 + (state >> 4 & 15)];
    }
    return state ^ (u32)LAST;
}
