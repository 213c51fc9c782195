/* Occurrences of a character up to the end of a text. */
#include "kernel.h"

#pragma superopt
int occurrences(char wanted, const char *p, const char *end)
{
    int n = 0;
    do {
        if (p == end)
            break;
        n += *p == wanted;
        p++;
    } while (1);
    return n;
}

KERNEL(occurrences);
#define CALL(data, length, byte) \
    called((char)(byte), (const char *)(data), (const char *)(data) + (length))
#define ROUNDS 2000
#include "drivers/search.h"
