/* zlib's two sums in one loop over pointers. */
#include "kernel.h"

#define BASE 65521u

#pragma superopt
uint32_t two_sums(const unsigned char *p, const unsigned char *end)
{
    unsigned long low = 1, high = 0;
    for (; p != end; p++) {
        low += *p;
        low %= BASE;
        high += low;
        high %= BASE;
    }
    return (uint32_t)(low + (high << 16));
}

KERNEL(two_sums);
#define FILL random_bytes
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 150
#include "drivers/bytes.h"
