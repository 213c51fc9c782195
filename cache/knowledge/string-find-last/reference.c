place compute(const u8 *text, u8 wanted)
{
    s64 last = -1;
    size_t i = 0;
    for (; text[i]; i++)
        if (text[i] == wanted)
            last = (s64)i;
    return END && !wanted ? (s64)i : last;
}
