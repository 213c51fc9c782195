/* Reads pairs of hexadecimal digits; returns how many bytes, up to the first that is none. */
#include "kernel.h"

#pragma superopt
size_t hex_decode(const char *text, size_t length, uint8_t *data)
{
    size_t bytes = 0;
    for (size_t i = 0; i + 1 < length; i += 2) {
        int value = 0;
        for (size_t j = i; j < i + 2; j++) {
            char c = text[j];
            if (c >= '0' && c <= '9')
                value = value * 16 + (c - '0');
            else if (c >= 'a' && c <= 'f')
                value = value * 16 + (c - 'a' + 10);
            else if (c >= 'A' && c <= 'F')
                value = value * 16 + (c - 'A' + 10);
            else
                return bytes;
        }
        data[bytes++] = (uint8_t)value;
    }
    return bytes;
}

KERNEL(hex_decode);
#include "drivers/fills.h"
#define FILL random_hex
#define GROWTH 1
#define CALL(from, length, to) called((const char *)(from), length, to)
#define ROUNDS 150
#include "drivers/code_bytes.h"
