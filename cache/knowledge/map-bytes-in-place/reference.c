void compute(u8 *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        data[i] = BYTES[data[i]];
}
