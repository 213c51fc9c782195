WORD compute(const ELEMENT *x, const ELEMENT *y, size_t length)
{
    WORD sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += (WORD)x[i] * (WORD)y[i];
    return sum;
}
