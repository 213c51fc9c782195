s32 compute(const u8 *x, const u8 *y, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (x[i] != y[i])
            return SIGN ? (x[i] < y[i] ? -1 : 1) : x[i] - y[i];
    return 0;
}
