u64 compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    u64 count = 0;
    for (size_t i = 0; i < length; i++)
        count += data[i] == wanted;
    return count;
}
