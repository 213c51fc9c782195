WORD compute(const ELEMENT *data, size_t length, WORD start)
{
    WORD hash = start;
    for (size_t i = 0; i < length; i++)
        hash = (WORD)(hash * (WORD)FACTOR + (WORD)data[i]);
    return hash;
}
