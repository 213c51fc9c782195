#include "hashbench.h"

int edit_distance(const char *a, int a_length, const char *b, int b_length, int *row)
{
    for (int j = 0; j <= b_length; j++)
        row[j] = j;
    for (int i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            int above = row[j];
            int cost = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < cost)
                cost = above + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
            diagonal = above;
        }
    }
    return row[b_length];
}

int find_byte(const uint8_t *data, int length, uint8_t byte)
{
    for (int i = 0; i < length; i++)
        if (data[i] == byte)
            return i;
    return -1;
}

int longest_common_run(const uint8_t *a, const uint8_t *b, int length)
{
    int longest = 0;
    for (int i = 0; i < length; i++)
        for (int j = 0; j < length; j++) {
            int run = 0;
            while (i + run < length && j + run < length && a[i + run] == b[j + run])
                run++;
            if (run > longest)
                longest = run;
        }
    return longest;
}

int count_words(const char *text, int length)
{
    int words = 0;
    bool inside = false;
    for (int i = 0; i < length; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
        words += letter && !inside;
        inside = letter;
    }
    return words;
}

int hex_encode(const uint8_t *data, int length, char *out)
{
    for (int i = 0; i < length; i++) {
        int high = data[i] >> 4, low = data[i] & 15;
        out[2 * i] = (char)(high < 10 ? '0' + high : 'a' + high - 10);
        out[2 * i + 1] = (char)(low < 10 ? '0' + low : 'a' + low - 10);
    }
    return 2 * length;
}

bool is_palindrome(const char *text, int length)
{
    for (int i = 0, j = length - 1; i < j; i++, j--)
        if (text[i] != text[j])
            return false;
    return true;
}

/* Pairs of (count, byte); returns the number of bytes written. */
int run_lengths(const uint8_t *data, int length, uint8_t *out)
{
    int written = 0;
    for (int i = 0; i < length;) {
        int run = 1;
        while (i + run < length && run < 255 && data[i + run] == data[i])
            run++;
        out[written++] = (uint8_t)run;
        out[written++] = data[i];
        i += run;
    }
    return written;
}
