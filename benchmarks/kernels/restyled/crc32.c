/* The CRC of zip files, eight times one step, by a mask. */
#include "kernel.h"

#define STEP(c) (c) = (c) >> 1 ^ (0xedb88320u & (0u - ((c) & 1u)))

#pragma superopt
uint32_t zip_crc(const unsigned char *p, const unsigned char *end)
{
    uint32_t c = ~0u;
    while (p < end) {
        c ^= *p++;
        STEP(c);
        STEP(c);
        STEP(c);
        STEP(c);
        STEP(c);
        STEP(c);
        STEP(c);
        STEP(c);
    }
    return c ^ ~0u;
}

KERNEL(zip_crc);
#define FILL random_bytes
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 60
#include "drivers/bytes.h"
