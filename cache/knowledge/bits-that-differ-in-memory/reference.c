u64 compute(const ELEMENT *x, const ELEMENT *y, size_t length)
{
    u64 ones = 0;
    for (size_t i = 0; i < length; i++)
        for (u64 bits = (u64)(x[i] ^ y[i]); bits; bits >>= 1)
            ones += bits & 1;
    return ones;
}
