u64 compute(const u8 *text)
{
    u64 i = 0;
    while (text[i] && !BYTES[text[i]])
        i++;
    return i;
}
