/* Four bytes a step where all are there, each times its own power. */
INLINE WORD compute(const CHARACTER *text, WORD start)
{
    const WORD one = (WORD)FACTOR, two = one * one, three = two * one, four = two * two;
    WORD hash = start;
    for (;; text += 4) {
        WORD a = (WORD)text[0];
        if (!a)
            return hash;
        WORD b = (WORD)text[1];
        if (!b)
            return hash * one + a;
        WORD c = (WORD)text[2];
        if (!c)
            return hash * two + (a * one + b);
        WORD d = (WORD)text[3];
        if (!d)
            return hash * three + ((a * two + b * one) + c);
        hash = hash * four + ((a * three + b * two) + (c * one + d));
    }
}
