/* Bytes from hexadecimal digits, by a switch; stops at what is no digit. */
#include "kernel.h"

#define VALUE(c, v)                                           \
    switch (c) {                                              \
    case '0': case '1': case '2': case '3': case '4':         \
    case '5': case '6': case '7': case '8': case '9':         \
        (v) = (c) - '0';                                      \
        break;                                                \
    case 'a': case 'b': case 'c': case 'd': case 'e': case 'f': \
        (v) = (c) - 'a' + 10;                                 \
        break;                                                \
    case 'A': case 'B': case 'C': case 'D': case 'E': case 'F': \
        (v) = (c) - 'A' + 10;                                 \
        break;                                                \
    default:                                                  \
        (v) = -1;                                             \
    }

#pragma superopt
int from_hex(unsigned char *out, const char *p, const char *end)
{
    unsigned char *start = out;
    while (end - p >= 2) {
        int high, low;
        VALUE(p[0], high)
        VALUE(p[1], low)
        if (high < 0 || low < 0)
            break;
        *out++ = (unsigned char)(high << 4 | low);
        p += 2;
    }
    return (int)(out - start);
}

KERNEL(from_hex);
#include "drivers/fills.h"
#define FILL random_hex
#define GROWTH 1
#define CALL(from, length, to) \
    called(to, (const char *)(from), (const char *)(from) + (length))
#define ROUNDS 150
#include "drivers/code_bytes.h"
