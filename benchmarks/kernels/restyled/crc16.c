/* CRC-CCITT: bits of the byte and of the register come to the top together. */
#include "kernel.h"

#pragma superopt
unsigned ccitt(unsigned start, const unsigned char *p, size_t n)
{
    unsigned r = start & 0xffff;
    while (n-- > 0) {
        unsigned char c = *p++;
        int k = 8;
        do {
            unsigned top = (r >> 15 ^ c >> 7) & 1;
            r = r << 1 & 0xffff;
            if (top)
                r ^= 0x1021;
            c = (unsigned char)(c << 1);
        } while (--k);
    }
    return r;
}

KERNEL(ccitt);
#define FILL random_bytes
#define CALL(data, length) called(0xffff, data, length)
#define ROUNDS 30
#include "drivers/bytes.h"
