position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    size_t i = 0;
    while (i < length && data[i] != wanted)
        i++;
    return i;
}
