/* Light upon light, no brighter than 255; the result comes first. */
#include "kernel.h"

#define BRIGHTEST 255

#pragma superopt
void brighten(unsigned char *out, const unsigned char *x, const unsigned char *y, unsigned n)
{
    while (n--) {
        unsigned level = *x++;
        level += *y++;
        if (level > BRIGHTEST)
            level = BRIGHTEST;
        *out++ = (unsigned char)level;
    }
}

KERNEL(brighten);
#define CALL(a, b, length, to) called(to, a, b, length)
#define ROUNDS 1500
#include "drivers/mix_bytes.h"
