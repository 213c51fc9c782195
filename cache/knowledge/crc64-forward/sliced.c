/* Four bytes a step, each half byte looked up in 128 bytes of table. */
INLINE u64 compute(const u8 *data, size_t length, u64 start)
{
    u64 state = start ^ (u64)FIRST;
    for (; length >= 4; length -= 4, data += 4) {
        u32 word = (u32)(state >> 32) ^ __builtin_bswap32(load32(data));
        state <<= 32;
        for (int nibble = 0; nibble < 8; nibble++)
            state ^= NIBBLES[16 * nibble + (word >> 4 * nibble & 15)];
    }
    for (; length; length--, data++) {
        u32 byte = (u32)(state >> 56) ^ *data;
        state = state << 8 ^ NIBBLES[byte & 15] ^ NIBBLES[16 + (byte >> 4)];
    }
    return state ^ (u64)LAST;
}
