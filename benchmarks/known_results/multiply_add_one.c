/* The high half of a * b + c, from products of halves. */
unsigned long multiply_add_one(unsigned long a, unsigned long b, unsigned long c)
{
    unsigned long al = (unsigned)a, ah = a >> 32, bl = (unsigned)b, bh = b >> 32;
    unsigned long one = ah * bl, two = al * bh;
    unsigned long middle = (al * bl >> 32) + (unsigned)one + two;
    unsigned long high = ah * bh + (one >> 32) + (middle >> 32), low = a * b + c;
    return high + (low < c);
}
