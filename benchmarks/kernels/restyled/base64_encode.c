/* Six bits a letter, kept in a reservoir of bits. */
#include "kernel.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#pragma superopt
size_t to_base64(char *out, const unsigned char *p, const unsigned char *end)
{
    char *start = out;
    unsigned bits = 0, held = 0;
    while (p < end) {
        bits = bits << 8 | *p++;
        held += 8;
        do {
            held -= 6;
            *out++ = alphabet[bits >> held & 63];
        } while (held >= 6);
    }
    if (held)
        *out++ = alphabet[bits << (6 - held) & 63];
    while ((out - start) % 4)
        *out++ = '=';
    return (size_t)(out - start);
}

KERNEL(to_base64);
#define FILL random_bytes
#define GROWTH 2
#define CALL(from, length, to) called((char *)(to), from, (from) + (length))
#define ROUNDS 300
#include "drivers/code_bytes.h"
