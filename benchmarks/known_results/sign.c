/* -1, 0 or 1. */
int sign(int x)
{
    return (x > 0) - (x < 0);
}
