/* Twenty lines: how long is the longest word, and how many are there? */
unsigned word_shape(const char *text, unsigned n)
{
    unsigned words = 0, longest = 0, length = 0;
    for (unsigned i = 0; i < n; i++) {
        char c = text[i];
        int letter = 0;
        if (c >= 'a' && c <= 'z')
            letter = 1;
        if (c >= 'A' && c <= 'Z')
            letter = 1;
        if (letter) {
            length++;
            if (length > longest)
                longest = length;
            words += length == 1;
        } else
            length = 0;
    }
    return words * 65536 + longest;
}
