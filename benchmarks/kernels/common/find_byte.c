/* Where a byte occurs first; -1 where it does not. */
#include "kernel.h"

#pragma superopt
int find_byte(const uint8_t *data, int length, uint8_t wanted)
{
    for (int i = 0; i < length; i++)
        if (data[i] == wanted)
            return i;
    return -1;
}

KERNEL(find_byte);
#define CALL(data, length, byte) called(data, (int)(length), byte)
#define ROUNDS 1000
#include "drivers/search.h"
