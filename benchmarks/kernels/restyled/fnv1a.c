/* FNV-1a, its prime as shifts. */
#include "kernel.h"

#pragma superopt
unsigned fowler(const unsigned char *p, const unsigned char *end)
{
    unsigned h = 0x811c9dc5;
    while (p < end) {
        h ^= *p++;
        h += (h << 1) + (h << 4) + (h << 7) + (h << 8) + (h << 24);
    }
    return h;
}

KERNEL(fowler);
#define FILL random_bytes
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 400
#include "drivers/bytes.h"
