INLINE u64 compute(const u8 *data, size_t length)
{
    return count_bytes(data, length, members, ZERO);
}
