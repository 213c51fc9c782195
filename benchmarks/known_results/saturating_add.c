/* A sum that stops at the largest value. */
unsigned saturating_add(unsigned a, unsigned b)
{
    unsigned long sum = (unsigned long)a + b;
    return sum > 0xffffffffu ? 0xffffffffu : (unsigned)sum;
}
