u64 compute(const ELEMENT *data, size_t length)
{
    u64 ones = 0;
    for (size_t i = 0; i < length; i++)
        for (u64 x = data[i]; x; x >>= 1)
            ones += x & 1;
    return ones;
}
