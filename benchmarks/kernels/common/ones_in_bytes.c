/* How many bits of a bitmap are set. */
#include "kernel.h"

#pragma superopt
unsigned ones_in_bytes(const uint8_t *bitmap, size_t length)
{
    unsigned ones = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = bitmap[i];
        while (byte) {
            byte &= (uint8_t)(byte - 1);
            ones++;
        }
    }
    return ones;
}

KERNEL(ones_in_bytes);
#define FILL random_bytes
#define CALL(data, length) called(data, length)
#define ROUNDS 150
#include "drivers/bytes.h"
