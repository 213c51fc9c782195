u64 compute(const ELEMENT *data, size_t length)
{
    u64 sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += (u64)data[i];
    return sum;
}
