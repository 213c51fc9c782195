position compute(const u8 *data, size_t length)
{
    size_t i = 0;
    while (i < length && !BYTES[data[i]])
        i++;
    return i;
}
