/* The average rounded down, without overflow. */
unsigned floor_average(unsigned a, unsigned b)
{
    return (a & b) + ((a ^ b) >> 1);
}
