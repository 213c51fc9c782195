/* Fletcher's checksum modulo 255. */
#include "kernel.h"

#pragma superopt
uint16_t fletcher16(const uint8_t *data, size_t length)
{
    uint16_t first = 0, second = 0;
    for (size_t i = 0; i < length; i++) {
        first = (uint16_t)((first + data[i]) % 255);
        second = (uint16_t)((second + first) % 255);
    }
    return (uint16_t)(second << 8 | first);
}

KERNEL(fletcher16);
#define FILL random_bytes
#define CALL(data, length) called(data, length)
#define ROUNDS 150
#include "drivers/bytes.h"
