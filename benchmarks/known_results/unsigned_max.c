/* The larger of two, by a mask of the comparison. */
unsigned unsigned_max(unsigned a, unsigned b)
{
    return a ^ ((a ^ b) & -(unsigned)(a < b));
}
