order compute(const CHARACTER *x, const CHARACTER *y, size_t length)
{
    for (; length; length--, x++, y++)
        if (!*x || *x != *y)
            return SIGN ? (*x > *y) - (*x < *y) : *x - *y;
    return 0;
}
