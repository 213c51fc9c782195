position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    for (size_t i = length; i--;)
        if (data[i] == wanted)
            return i;
    return length;
}
