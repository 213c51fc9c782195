WORD compute(u32 n)
{
    WORD a = 0, b = 1;
    while (n-- && n < 100000) {
        WORD sum = a + b;
        a = b;
        b = sum;
    }
    return a;
}
