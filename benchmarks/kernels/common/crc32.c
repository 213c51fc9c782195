/* The CRC-32 of Ethernet and zip, bit by bit. */
#include "kernel.h"

#pragma superopt
uint32_t crc32(const uint8_t *data, size_t length)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            if (crc & 1)
                crc = (crc >> 1) ^ 0xedb88320u;
            else
                crc >>= 1;
        }
    }
    return ~crc;
}

KERNEL(crc32);
#define FILL random_bytes
#define CALL(data, length) called(data, length)
#define ROUNDS 60
#include "drivers/bytes.h"
