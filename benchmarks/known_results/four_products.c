/* A difference of squares that is a product. */
long four_products(long a, long b)
{
    return (a + b) * (a + b) - (a - b) * (a - b);
}
