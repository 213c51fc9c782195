/* The average rounded up, without overflow. */
unsigned ceiling_average(unsigned a, unsigned b)
{
    return (a | b) - ((a ^ b) >> 1);
}
