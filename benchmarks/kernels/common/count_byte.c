/* How often a byte occurs. */
#include "kernel.h"

#pragma superopt
size_t count_byte(const uint8_t *data, size_t length, uint8_t wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (data[i] == wanted)
            count++;
    return count;
}

KERNEL(count_byte);
#define CALL(data, length, byte) called(data, length, byte)
#define ROUNDS 2000
#include "drivers/search.h"
