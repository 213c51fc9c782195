/* Eight bytes a step, each half byte looked up in 64 bytes of table. */
INLINE u32 slice(u32 word, const u32 *table)
{
    u32 state = 0;
    for (int nibble = 0; nibble < 8; nibble++)
        state ^= table[16 * nibble + (word >> 4 * nibble & 15)];
    return state;
}

INLINE u32 word_at(const u8 *p)
{
    return __builtin_bswap32(load32(p));
}

INLINE u32 compute(const u8 *data, size_t length, u32 start)
{
    u32 state = (start ^ (u32)FIRST) << (32 - SIZE);
    for (; length >= 8; length -= 8, data += 8)
        state = slice(word_at(data) ^ state, NIBBLES) ^ slice(word_at(data + 4), NIBBLES + 128);
    for (; length; length--, data++) {
        u32 byte = state >> 24 ^ *data;
        state = state << 8 ^ NIBBLES[128 + (byte & 15)] ^ NIBBLES[144 + (byte >> 4)];
    }
    return (state >> (32 - SIZE)) ^ ((u32)LAST & (u32)((1ul << SIZE) - 1));
}
