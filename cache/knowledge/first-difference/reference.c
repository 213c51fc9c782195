position compute(const u8 *x, const u8 *y, size_t length)
{
    size_t i = 0;
    while (i < length && x[i] == y[i])
        i++;
    return i;
}
