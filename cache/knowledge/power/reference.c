WORD compute(WORD base, EXPONENT exponent)
{
    WORD product = 1;
    if (exponent < 0)
        return 1;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1)
            product *= base;
    return product;
}
