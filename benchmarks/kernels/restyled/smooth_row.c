/* Weighs five pixels in a row, the weights written out; from one pointer to another. */
#include "kernel.h"

#pragma superopt
int blur(unsigned char *out, const unsigned char *p, const unsigned char *end)
{
    unsigned char *start = out;
    while (end - p >= 5) {
        unsigned sum = p[0] + 4u * p[1] + 6u * p[2] + 4u * p[3] + p[4];
        *out++ = (unsigned char)((sum + 8) / 16);
        ++p;
    }
    return (int)(out - start);
}

KERNEL(blur);
#define FILL random_bytes
#define GROWTH 1
#define CALL(from, length, to) called(to, from, (from) + (length))
#define ROUNDS 500
#include "drivers/code_bytes.h"
