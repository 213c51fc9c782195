/* How many characters a UTF-8 text has. */
#include "kernel.h"

#pragma superopt
size_t utf8_length(const uint8_t *text, size_t length)
{
    size_t characters = 0;
    for (size_t i = 0; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            characters++;
    return characters;
}

KERNEL(utf8_length);
#include "drivers/fills.h"
#define FILL random_utf8
#define CALL(data, length) called(data, length)
#define ROUNDS 2000
#include "drivers/bytes.h"
