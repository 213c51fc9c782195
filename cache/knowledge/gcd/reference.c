WORD compute(WORD x, WORD y)
{
    while (y) {
        WORD rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}
