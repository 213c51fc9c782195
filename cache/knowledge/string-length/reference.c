u64 compute(const ELEMENT *text)
{
    u64 i = 0;
    while (text[i])
        i++;
    return i;
}
