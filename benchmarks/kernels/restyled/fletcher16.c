/* Two sums modulo 255, the length first. */
#include "kernel.h"

#pragma superopt
unsigned fletcher(int n, const unsigned char *p)
{
    unsigned s = 0, t = 0;
    while (n-- > 0) {
        s = (s + *p++) % 255;
        t = (t + s) % 255;
    }
    return t * 256 + s;
}

KERNEL(fletcher);
#define FILL random_bytes
#define CALL(data, length) called((int)(length), data)
#define ROUNDS 150
#include "drivers/bytes.h"
