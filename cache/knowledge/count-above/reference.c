u64 compute(const u8 *data, size_t length, u8 limit)
{
    u64 count = 0;
    for (size_t i = 0; i < length; i++)
        count += RELATION == 0   ? data[i] > limit
                 : RELATION == 1 ? data[i] >= limit
                 : RELATION == 2 ? data[i] < limit
                                 : data[i] <= limit;
    return count;
}
