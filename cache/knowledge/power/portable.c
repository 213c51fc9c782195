INLINE WORD compute(WORD base, EXPONENT exponent)
{
    WORD product = 1;
    if (exponent < 0)
        return 1;
    for (; exponent; exponent >>= 1, base *= base)
        product *= exponent & 1 ? base : 1;
    return product;
}
