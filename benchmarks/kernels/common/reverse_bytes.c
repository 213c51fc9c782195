/* Turns a buffer round. */
#include "kernel.h"

#pragma superopt
void reverse_bytes(uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length / 2; i++) {
        uint8_t byte = data[i];
        data[i] = data[length - 1 - i];
        data[length - 1 - i] = byte;
    }
}

KERNEL(reverse_bytes);
#define CALL(data, length) called(data, length)
#define ROUNDS 1500
#include "drivers/change_bytes.h"
