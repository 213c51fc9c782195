/* Are some neighbours in the wrong order? */
INLINE V wrong(V before, V after)
{
    const bool negative = (ELEMENT)-1 < 0;
    V low = FALLING ? after : before, high = FALLING ? before : after;
    if (!STRICTLY)
        return lanes_above(low, high, sizeof(ELEMENT), negative);
    return XOR(lanes_above(high, low, sizeof(ELEMENT), negative), OP(set1_epi8)(-1));
}

INLINE bool wrong_one(ELEMENT before, ELEMENT after)
{
    ELEMENT low = FALLING ? after : before, high = FALLING ? before : after;
    return STRICTLY ? low >= high : low > high;
}

/* Aligned blocks beside the same one element earlier: who reads the second of a pair has read the
 * first. */
INLINE bool compute(const ELEMENT *data, size_t length)
{
    size_t i = 1;
    for (; i < length && ((u64)(data + i) & (WIDTH - 1)); i++)
        if (wrong_one(data[i - 1], data[i]))
            return 0;
    for (; i + WIDTH / sizeof *data <= length; i += WIDTH / sizeof *data)
        if (bits_of(wrong(loadv(data + i - 1), loada(data + i))))
            return 0;
    for (; i < length; i++)
        if (wrong_one(data[i - 1], data[i]))
            return 0;
    return 1;
}
