/* Loops over bytes. */
#include <stddef.h>
#include <stdint.h>

/* Are all bytes below 128? */
int is_ascii(const unsigned char *p, size_t n)
{
    int ascii = 1;
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 128)
            ascii = 0;
    return ascii;
}

/* How many lines end in the buffer? */
size_t count_lines(const unsigned char *p, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++)
        switch (p[i]) {
        case '\n':
            lines++;
            break;
        default:
            break;
        }
    return lines;
}

/* The place of the last slash, n where there is none. */
size_t last_slash(const unsigned char *p, size_t n)
{
    size_t found = n;
    for (size_t i = 0; i < n; i++)
        if (p[i] == '/')
            found = i;
    return found;
}

/* Writes (count, byte) pairs with counts up to 15; returns how many bytes were written. */
size_t run_length(const uint8_t *from, size_t n, uint8_t *to)
{
    size_t written = 0, i = 0;
    while (i < n) {
        uint8_t count = 1;
        while (i + count < n && count < 15 && from[i + count] == from[i])
            count++;
        to[written++] = count;
        to[written++] = from[i];
        i += count;
    }
    return written;
}
