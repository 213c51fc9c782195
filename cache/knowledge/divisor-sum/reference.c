WORD compute(WORD x)
{
    WORD sum = 0;
    if (x > 4000000)
        return 0;
    for (WORD d = 1; d <= (PROPER ? x / 2 : x); d++)
        sum += x % d ? 0 : d;
    return sum;
}
