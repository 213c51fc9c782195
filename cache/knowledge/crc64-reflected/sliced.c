/* Four bytes a step, each half byte looked up in 128 bytes of table. */
INLINE u64 compute(const u8 *data, size_t length, u64 start)
{
    u64 state = start ^ (u64)FIRST;
    for (; length >= 4; length -= 4, data += 4) {
        u32 word = (u32)state ^ load32(data);
        state >>= 32;
        for (int nibble = 0; nibble < 8; nibble++)
            state ^= NIBBLES[16 * nibble + (word >> 4 * nibble & 15)];
    }
    for (; length; length--, data++) {
        state ^= *data;
        state = state >> 8 ^ NIBBLES[96 + (state & 15)] ^ NIBBLES[112 + (state >> 4 & 15)];
    }
    return state ^ (u64)LAST;
}
