/* Strings and numbers in text. */
#include <stddef.h>
#include <stdint.h>

/* Reads a decimal number; what is no digit ends it. */
unsigned parse_number(const char *s)
{
    unsigned value = 0, i = 0;
    while (s[i] >= '0' && s[i] <= '9') {
        value = value * 10 + (unsigned)(s[i] - '0');
        i++;
    }
    return value;
}

/* How many decimal digits does it take? */
int decimal_length(uint32_t x)
{
    int digits = 1;
    while (x >= 10) {
        x /= 10;
        digits++;
    }
    return digits;
}

/* The value of a hexadecimal digit, -1 for anything else. */
int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    if (c >= 'A' && c <= 'F')
        c = (char)(c + 32);
    for (int i = 0; i < 16; i++)
        if (digits[i] == c)
            return i;
    return -1;
}

static size_t length_of(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

/* Does the text read the same backwards? */
int is_palindrome(const char *s)
{
    for (size_t i = 0; i < length_of(s); i++)
        if (s[i] != s[length_of(s) - 1 - i])
            return 0;
    return 1;
}

/* Small letters become capitals; returns how many there were. */
int make_upper(char *s, int n)
{
    int changed = 0;
    for (int i = 0; i < n; i++) {
        for (char c = 'a'; c <= 'z'; c++)
            if (s[i] == c) {
                s[i] = (char)(c - 'a' + 'A');
                changed++;
                break;
            }
    }
    return changed;
}

/* How many fields does a line of comma-separated values have?  Quotes hide commas. */
int count_fields(const char *line, int n)
{
    int fields = 1, quoted = 0;
    for (int i = 0; i < n; i++) {
        if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ',' && quoted == 0)
            fields++;
    }
    return fields;
}

/* Is it a vowel? */
int is_vowel(char c)
{
    const char vowels[] = "aeiouAEIOU";
    int found = 0;
    for (int i = 0; i < 10; i++)
        if (vowels[i] == c)
            found = 1;
    return found;
}
