/* Where a byte occurs last; the length where it does not. */
#include "kernel.h"

#pragma superopt
size_t find_last(const char *text, size_t length, char wanted)
{
    size_t found = length;
    for (size_t i = 0; i < length; i++)
        if (text[i] == wanted)
            found = i;
    return found;
}

KERNEL(find_last);
#define CALL(data, length, byte) called((const char *)(data), length, (char)(byte))
#define ROUNDS 650
#include "drivers/search.h"
