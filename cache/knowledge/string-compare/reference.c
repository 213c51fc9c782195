order compute(const CHARACTER *x, const CHARACTER *y)
{
    while (*x && *x == *y) {
        x++;
        y++;
    }
    return SIGN ? (*x > *y) - (*x < *y) : *x - *y;
}
