u64 compute(const u8 *x, const u8 *y, size_t length)
{
    u64 sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += x[i] < y[i] ? y[i] - x[i] : x[i] - y[i];
    return sum;
}
