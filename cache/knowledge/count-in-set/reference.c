u64 compute(const u8 *data, size_t length)
{
    u64 count = 0;
    for (size_t i = 0; i < length; i++)
        count += BYTES[data[i]];
    return count;
}
