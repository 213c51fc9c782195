/* UTF-8 by its table of well-formed bytes, byte by byte: how many are due, within which limits. */
#include "kernel.h"

#pragma superopt
int well_formed(const unsigned char *p, const unsigned char *end)
{
    int due = 0;
    unsigned low = 0x80, high = 0xbf;
    for (; p < end; p++) {
        unsigned c = *p;
        if (due) {
            if (c < low || c > high)
                return 0;
            due--;
            low = 0x80;
            high = 0xbf;
        } else if (c >= 0x80) {
            if (c < 0xc2 || c > 0xf4)
                return 0;
            due = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            if (c == 0xe0)
                low = 0xa0;
            else if (c == 0xed)
                high = 0x9f;
            else if (c == 0xf0)
                low = 0x90;
            else if (c == 0xf4)
                high = 0x8f;
        }
    }
    return due == 0;
}

KERNEL(well_formed);
#include "drivers/fills.h"
#define FILL random_utf8
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 500
#include "drivers/bytes.h"
