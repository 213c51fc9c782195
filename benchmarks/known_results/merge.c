/* Bits of one word where a mask is set, of another elsewhere. */
unsigned merge(unsigned a, unsigned b, unsigned mask)
{
    return (a & mask) | (b & ~mask);
}
