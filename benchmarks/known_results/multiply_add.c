/* The step of a Montgomery multiplication: the high half of a * b + c + d, from products of halves. */
unsigned long multiply_add(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    unsigned long al = (unsigned)a, ah = a >> 32, bl = (unsigned)b, bh = b >> 32;
    unsigned long one = ah * bl, two = al * bh;
    unsigned long middle = (al * bl >> 32) + (unsigned)one + two;
    unsigned long high = ah * bh + (one >> 32) + (middle >> 32), low = a * b;
    low += c;
    high += low < c;
    low += d;
    high += low < d;
    return high;
}
