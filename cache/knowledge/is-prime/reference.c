bool compute(WORD x)
{
    if (x < 4)
        return x > 1;
    if (x % 2 == 0 || x % 3 == 0)
        return 0;
    for (WORD i = 5; i <= x / i; i += 6)
        if (x % i == 0 || x % (i + 2) == 0)
            return 0;
    return 1;
}
