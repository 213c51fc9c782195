/* Divisors come in pairs. */
INLINE WORD compute(WORD x)
{
    WORD sum = 0, d = 1;
    if (x <= 0)
        return 0;
    for (WORD other; d < (other = x / d); d++)
        sum += other * d == x ? d + other : 0;
    if ((u64)d * (u64)d == (u64)x)
        sum += d;
    return PROPER ? sum - x : sum;
}
