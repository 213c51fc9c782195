/* Absolute value by a mask of the sign. */
int absolute(int x)
{
    int sign = x >> 31;
    return (x + sign) ^ sign;
}
