/* Writes three bytes as four letters, with = at the end; returns how many. */
#include "kernel.h"

#pragma superopt
size_t base64_encode(const uint8_t *data, size_t length, char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t written = 0;
    size_t i = 0;
    for (; i + 3 <= length; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        text[written++] = letters[group >> 18];
        text[written++] = letters[group >> 12 & 63];
        text[written++] = letters[group >> 6 & 63];
        text[written++] = letters[group & 63];
    }
    if (i + 1 == length) {
        text[written++] = letters[data[i] >> 2];
        text[written++] = letters[(data[i] & 3) << 4];
        text[written++] = '=';
        text[written++] = '=';
    } else if (i + 2 == length) {
        text[written++] = letters[data[i] >> 2];
        text[written++] = letters[(data[i] & 3) << 4 | data[i + 1] >> 4];
        text[written++] = letters[(data[i + 1] & 15) << 2];
        text[written++] = '=';
    }
    return written;
}

KERNEL(base64_encode);
#define FILL random_bytes
#define GROWTH 2
#define CALL(from, length, to) called(from, length, (char *)(to))
#define ROUNDS 300
#include "drivers/code_bytes.h"
