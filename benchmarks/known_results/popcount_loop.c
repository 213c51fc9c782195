/* The number of set bits, one at a time. */
unsigned popcount_loop(unsigned x)
{
    unsigned n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}
