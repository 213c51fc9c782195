/* The checksum of zlib. */
#include "kernel.h"

#pragma superopt
uint32_t adler32(const uint8_t *data, size_t length)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

KERNEL(adler32);
#define FILL random_bytes
#define CALL(data, length) called(data, length)
#define ROUNDS 150
#include "drivers/bytes.h"
