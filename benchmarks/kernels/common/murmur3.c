/* MurmurHash3 of 32 bits. */
#include "kernel.h"

#pragma superopt
uint32_t murmur3(const uint8_t *data, size_t length, uint32_t seed)
{
    uint32_t hash = seed;
    size_t i = 0;
    for (; i + 4 <= length; i += 4) {
        uint32_t word = (uint32_t)data[i] | (uint32_t)data[i + 1] << 8 |
                        (uint32_t)data[i + 2] << 16 | (uint32_t)data[i + 3] << 24;
        word *= 0xcc9e2d51u;
        word = word << 15 | word >> 17;
        word *= 0x1b873593u;
        hash ^= word;
        hash = hash << 13 | hash >> 19;
        hash = hash * 5 + 0xe6546b64u;
    }
    uint32_t rest = 0;
    for (size_t j = length; j > i; j--)
        rest = rest << 8 | data[j - 1];
    rest *= 0xcc9e2d51u;
    rest = rest << 15 | rest >> 17;
    rest *= 0x1b873593u;
    hash ^= rest;
    hash ^= (uint32_t)length;
    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35u;
    hash ^= hash >> 16;
    return hash;
}

KERNEL(murmur3);
#define FILL random_bytes
#define CALL(data, length) called(data, length, 42)
#define ROUNDS 1000
#include "drivers/bytes.h"
