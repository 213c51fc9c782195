/* Arithmetic. */
#include <stdint.h>

/* 1*1 + 2*2 + ... + n*n. */
uint64_t sum_of_squares(uint16_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = n; i > 0; i--)
        sum += (uint64_t)i * i;
    return sum;
}

/* base to the power of exponent, modulo 2 to the 32. */
uint32_t power(uint32_t base, uint32_t exponent)
{
    uint32_t result = 1;
    for (uint32_t i = 0; i < exponent % 1024; i++)
        result *= base;
    return result;
}

/* The whole part of the square root. */
uint32_t whole_root(uint32_t x)
{
    uint32_t root = 0;
    while ((uint64_t)(root + 1) * (root + 1) <= x)
        root++;
    return root;
}

/* How many divisors? */
int divisors(uint16_t n)
{
    int count = 0;
    for (unsigned d = 1; d <= n; d++)
        if (n % d == 0)
            count++;
    return count;
}

/* How often is x divisible by three? */
int factors_of_three(uint32_t x)
{
    int n = 0;
    if (x == 0)
        return 0;
    for (;;) {
        if (x % 3 != 0)
            return n;
        x = x / 3;
        n++;
    }
}

/* Which day of the year is it? */
int day_of_year(int year, int month, int day)
{
    int total = day;
    for (int m = 1; m < month && m <= 12; m++) {
        if (m == 2)
            total += (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
        else if (m == 4 || m == 6 || m == 9 || m == 11)
            total += 30;
        else
            total += 31;
    }
    return total;
}
