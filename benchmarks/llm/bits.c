/* Words and their bits. */
#include <stdint.h>

/* The next power of two, x itself if it is one; 0 where there is none. */
uint32_t round_up_power(uint32_t x)
{
    uint32_t power = 1;
    while (power < x && power != 0)
        power *= 2;
    return power;
}

/* How many bits of two words differ? */
int hamming(uint32_t a, uint32_t b)
{
    int count = 0;
    for (int i = 0; i < 32; i++)
        if (((a >> i) & 1) != ((b >> i) & 1))
            count++;
    return count;
}

/* How many zeros at the low end; 32 for zero. */
int trailing_zeros(uint32_t x)
{
    int n = 0;
    while (n < 32 && (x & 1) == 0) {
        x >>= 1;
        n++;
    }
    return n;
}

/* Exchanges every bit with its neighbour. */
uint32_t swap_neighbours(uint32_t x)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 2) {
        r |= ((x >> i) & 1) << (i + 1);
        r |= ((x >> (i + 1)) & 1) << i;
    }
    return r;
}

/* A rotation, one step at a time. */
uint32_t rotate_left(uint32_t x, unsigned by)
{
    for (unsigned i = 0; i < by % 32; i++)
        x = (x << 1) | (x >> 31);
    return x;
}

/* The longest run of set bits. */
int longest_ones(uint32_t x)
{
    int longest = 0, run = 0;
    for (int i = 0; i < 32; i++) {
        if ((x >> i) & 1) {
            run++;
            if (run > longest)
                longest = run;
        } else {
            run = 0;
        }
    }
    return longest;
}
