/* MurmurHash3 of 32 bits: words by memcpy, the rest by a switch that falls through. */
#include "kernel.h"

#define TURN(v, n) ((v) << (n) | (v) >> (32 - (n)))
#define SCRAMBLED(v) (TURN((v) * 0xcc9e2d51u, 15) * 0x1b873593u)

#pragma superopt
uint32_t murmur(uint32_t seed, const void *key, int n)
{
    const unsigned char *p = key;
    const unsigned char *end = p + (n & ~3);
    uint32_t h = seed, v;
    for (; p < end; p += 4) {
        memcpy(&v, p, 4);
        h = TURN(h ^ SCRAMBLED(v), 13);
        h = h * 5 + 0xe6546b64u;
    }
    v = 0;
    switch (n & 3) {
    case 3:
        v |= (uint32_t)p[2] << 16; /* fall through */
    case 2:
        v |= (uint32_t)p[1] << 8; /* fall through */
    case 1:
        v |= p[0];
        h ^= SCRAMBLED(v);
    }
    h ^= (uint32_t)n;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

KERNEL(murmur);
#define FILL random_bytes
#define CALL(data, length) called(42, data, (int)(length))
#define ROUNDS 1000
#include "drivers/bytes.h"
