WORD compute(const CHARACTER *text, WORD start)
{
    WORD hash = start;
    for (; *text; text++)
        hash = (WORD)(hash * (WORD)FACTOR + (WORD)*text);
    return hash;
}
