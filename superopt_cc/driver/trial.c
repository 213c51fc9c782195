/* Ten small functions that `superopt model check` lets a model rewrite. */

#include <stddef.h>
#include <stdint.h>

/* How many bits are set? */
int count_bits(uint64_t x)
{
    int n = 0;
    for (int i = 0; i < 64; i++)
        n += (x >> i) & 1;
    return n;
}

/* The bytes of a word in reverse order. */
uint32_t swap_bytes(uint32_t x)
{
    uint32_t r = 0;
    for (int i = 0; i < 4; i++) {
        r = (r << 8) | (x & 0xff);
        x >>= 8;
    }
    return r;
}

/* The position of the highest bit, -1 for none. */
int highest_bit(uint32_t x)
{
    int n = -1;
    while (x) {
        x >>= 1;
        n++;
    }
    return n;
}

/* The greatest common divisor. */
uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Is every bit of `small` also in `big`? */
int is_subset(uint64_t small, uint64_t big)
{
    for (int i = 0; i < 64; i++)
        if (((small >> i) & 1) && !((big >> i) & 1))
            return 0;
    return 1;
}

/* The sum of the digits of a decimal number. */
unsigned digit_sum(uint32_t x)
{
    unsigned sum = 0;
    while (x > 0) {
        sum += x % 10;
        x = x / 10;
    }
    return sum;
}

/* The parity of a word. */
int parity_of(uint32_t x)
{
    int parity = 0;
    while (x) {
        parity = !parity;
        x = x & (x - 1);
    }
    return parity;
}

/* How many zero bytes? */
size_t zero_bytes(const unsigned char *p, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i] == 0)
            count++;
    return count;
}

/* A sum in which every second number counts negative. */
long alternating(const int *p, size_t n)
{
    long sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % 2 == 0)
            sum += p[i];
        else
            sum -= p[i];
    }
    return sum;
}

/* The place of the largest number; 0 where there is none. */
size_t largest(const int *p, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (p[i] > p[best])
            best = i;
    return best;
}
