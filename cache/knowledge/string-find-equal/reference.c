place compute(const u8 *text, u8 wanted)
{
    for (size_t i = 0;; i++) {
        if (!END && !text[i])
            return -1;
        if (text[i] == wanted)
            return (s64)i;
        if (!text[i])
            return -1;
    }
}
