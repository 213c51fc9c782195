/* A CRC of 16 bits with the polynomial of CCITT, highest bit first, from a given start. */
#include "kernel.h"

#pragma superopt
uint16_t crc16(const uint8_t *data, int length, uint16_t crc)
{
    for (int i = 0; i < length; i++) {
        crc ^= (uint16_t)(data[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

KERNEL(crc16);
#define FILL random_bytes
#define CALL(data, length) called(data, (int)(length), 0xffff)
#define ROUNDS 30
#include "drivers/bytes.h"
