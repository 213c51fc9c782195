/* The next of three values in a cycle. */
unsigned cycle(unsigned x, unsigned a, unsigned b, unsigned c)
{
    if (x == a)
        return b;
    if (x == b)
        return c;
    return a;
}
