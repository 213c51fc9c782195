/* Four elements a step, each times its own power: one multiplication waits for the last step. */
INLINE WORD compute(const ELEMENT *data, size_t length, WORD start)
{
    const WORD one = (WORD)FACTOR, two = one * one, three = two * one, four = two * two;
    WORD hash = start;
    for (; length >= 4; length -= 4, data += 4)
        hash = hash * four + (((WORD)data[0] * three + (WORD)data[1] * two) +
                              ((WORD)data[2] * one + (WORD)data[3]));
    for (; length; length--, data++)
        hash = hash * one + (WORD)*data;
    return hash;
}
