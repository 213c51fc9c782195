/* Set bits of all bytes between two pointers, bit by bit. */
#include "kernel.h"

#pragma superopt
size_t bits_set(const unsigned char *p, const unsigned char *end)
{
    size_t total = 0;
    for (; p != end; ++p)
        for (unsigned v = *p; v; v /= 2)
            total += v % 2;
    return total;
}

KERNEL(bits_set);
#define FILL random_bytes
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 150
#include "drivers/bytes.h"
