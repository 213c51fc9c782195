void compute(ELEMENT *out, const ELEMENT *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = data[length - 1 - i];
}
