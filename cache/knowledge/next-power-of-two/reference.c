WORD compute(WORD x)
{
    WORD power = 1;
    if (!x)
        return (WORD)OF_ZERO;
    while (power && power < x)
        power <<= 1;
    return power;
}
