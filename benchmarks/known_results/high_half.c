/* The high half of a product, from products of halves. */
unsigned long high_half(unsigned long a, unsigned long b)
{
    unsigned long al = (unsigned)a, ah = a >> 32, bl = (unsigned)b, bh = b >> 32;
    unsigned long one = ah * bl, two = al * bh;
    unsigned long middle = (al * bl >> 32) + (unsigned)one + two;
    return ah * bh + (one >> 32) + (middle >> 32);
}
