/* Writes bytes as two digits each; returns how many digits. */
#include "kernel.h"

#pragma superopt
size_t hex_encode(const uint8_t *data, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    return 2 * length;
}

KERNEL(hex_encode);
#define FILL random_bytes
#define GROWTH 2
#define CALL(from, length, to) called(from, length, (char *)(to))
#define ROUNDS 800
#include "drivers/code_bytes.h"
