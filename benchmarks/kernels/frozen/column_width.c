/* How many columns a terminal needs for a text: tabs go to the next eighth, returns go back. */
#include "kernel.h"

#pragma superopt
unsigned column_width(const char *text, size_t length)
{
    unsigned column = 0, widest = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\n' || c == '\r')
            column = 0;
        else if (c == '\t')
            column = (column / 8 + 1) * 8;
        else if (c == '\b') {
            if (column > 0)
                column--;
        } else if ((unsigned char)c >= ' ')
            column++;
        if (column > widest)
            widest = column;
    }
    return widest;
}

KERNEL(column_width);

enum { TEXTS = 600, SIZE = 65536 };
static char text[SIZE];
static struct span texts[TEXTS];

static void prepare(void)
{
    random_text(text, SIZE);
    for (int i = 0; i < SIZE; i++)
        if (text[i] == ' ' && chance(15))
            text[i] = "\t\t\t\b\a\r"[below(6)];
    lay_out(texts, TEXTS, SIZE, 300);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < TEXTS; i++)
        sum = fold(sum, called(text + texts[i].at, texts[i].length));
    return sum;
}

BENCH(200, nothing)
