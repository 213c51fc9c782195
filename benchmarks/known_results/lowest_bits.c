/* Clears the trailing set bits, one after the other. */
unsigned lowest_bits(unsigned x)
{
    unsigned bit = 1;
    while (x & bit) {
        x &= ~bit;
        bit <<= 1;
    }
    return x;
}
