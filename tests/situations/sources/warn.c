int warned(int x)
{
    int unused;
    if (x = 1)
        return x;
}
static int lonely(void) { return 1; }
