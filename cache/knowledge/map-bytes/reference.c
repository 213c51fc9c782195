void compute(u8 *out, const u8 *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = BYTES[data[i]];
}
