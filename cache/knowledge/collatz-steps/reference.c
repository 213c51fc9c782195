u32 compute(WORD x)
{
    u32 steps = 0;
    while (x > 1 && steps < 100000) {
        x = x & 1 ? 3 * x + 1 : x / 2;
        steps++;
    }
    return steps;
}
