u64 compute(const ELEMENT *data, size_t length)
{
    u64 count = 0;
    if (!length)
        return (u64)OF_NOTHING;
    for (size_t i = 1; i < length; i++)
        count += data[i] != data[i - 1];
    return count + (u64)FIRST;
}
