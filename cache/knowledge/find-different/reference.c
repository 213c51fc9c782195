position compute(const ELEMENT *data, size_t length, ELEMENT usual)
{
    size_t i = 0;
    while (i < length && data[i] == usual)
        i++;
    return i;
}
