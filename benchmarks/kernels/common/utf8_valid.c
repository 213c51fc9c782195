/* Is a text well-formed UTF-8? */
#include "kernel.h"

#pragma superopt
bool utf8_valid(const uint8_t *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint8_t c = text[i++];
        size_t more;
        uint32_t code;
        if (c < 0x80)
            continue;
        if (c >= 0xc2 && c <= 0xdf) {
            more = 1;
            code = c & 0x1f;
        } else if (c >= 0xe0 && c <= 0xef) {
            more = 2;
            code = c & 0x0f;
        } else if (c >= 0xf0 && c <= 0xf4) {
            more = 3;
            code = c & 0x07;
        } else {
            return false;
        }
        if (length - i < more)
            return false;
        for (size_t j = 0; j < more; j++) {
            if ((text[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (text[i++] & 0x3f);
        }
        if (more == 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
            return false;
        if (more == 3 && (code < 0x10000 || code > 0x10ffff))
            return false;
    }
    return true;
}

KERNEL(utf8_valid);
#include "drivers/fills.h"
#define FILL random_utf8
#define CALL(data, length) called(data, length)
#define ROUNDS 500
#include "drivers/bytes.h"
