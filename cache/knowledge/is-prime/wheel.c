/* Of thirty numbers in a row eight have none of the factors 2, 3 and 5.  Their divisions do not
 * wait for one another. */
INLINE bool compute(WORD x)
{
    u32 n = (u32)x;
    if (x < 7)
        return (x == 2) | (x == 3) | (x == 5);
    if (n % 2 == 0 || n % 3 == 0 || n % 5 == 0)
        return 0;
    for (u32 i = 7; (u64)i * i <= n; i += 30) {
        bool divides = (n % i == 0) | (n % (i + 4) == 0) | (n % (i + 6) == 0);
        divides |= (n % (i + 10) == 0) | (n % (i + 12) == 0) | (n % (i + 16) == 0);
        divides |= (n % (i + 22) == 0) | (n % (i + 24) == 0);
        if (divides)
            return 0;
    }
    return 1;
}
