/* Bytes in hexadecimal, digits by arithmetic, through two pointers. */
#include "kernel.h"

#define DIGIT(v) (char)((v) < 10 ? '0' + (v) : 'a' + (v) - 10)

#pragma superopt
size_t to_hex(char *out, const unsigned char *p, size_t n)
{
    char *start = out;
    while (n-- > 0) {
        unsigned high = *p / 16u, low = *p % 16u;
        *out++ = DIGIT(high);
        *out++ = DIGIT(low);
        p++;
    }
    return (size_t)(out - start);
}

KERNEL(to_hex);
#define FILL random_bytes
#define GROWTH 2
#define CALL(from, length, to) called((char *)(to), from, length)
#define ROUNDS 800
#include "drivers/code_bytes.h"
