/* The FNV-1a hash of 32 bits. */
#include "kernel.h"

#pragma superopt
uint32_t fnv1a(const uint8_t *data, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return hash;
}

KERNEL(fnv1a);
#define FILL random_bytes
#define CALL(data, length) called(data, length)
#define ROUNDS 400
#include "drivers/bytes.h"
