/* How many bytes a string takes between the quotes of a JSON document. */
#include "kernel.h"

#pragma superopt
size_t escaped_length(const unsigned char *text, size_t length)
{
    size_t needed = 0;
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '"':
        case '\\':
        case '\n':
        case '\r':
        case '\t':
        case '\b':
        case '\f':
            needed += 2;
            break;
        default:
            needed += text[i] < 0x20 || text[i] == 0x7f ? 6 : 1;
            break;
        }
    }
    return needed;
}

KERNEL(escaped_length);

enum { TEXTS = 600, SIZE = 65536 };
static unsigned char text[SIZE];
static struct span texts[TEXTS];

static void prepare(void)
{
    random_text((char *)text, SIZE);
    for (int i = 0; i < SIZE; i++)
        if (text[i] == '.')
            text[i] = (unsigned char)"\"\"\\\t\001\177"[below(6)];
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
