/* Adds up numbers in groups of seven bits, each read whole by an inner loop. */
#include "kernel.h"

#pragma superopt
uint64_t add_varints(const unsigned char *p, const unsigned char *end)
{
    uint64_t all = 0;
    while (p < end) {
        uint64_t v = 0;
        int place = 0;
        for (;;) {
            v |= (uint64_t)(*p & 127) << (place % 64);
            if (*p++ < 128)
                break;
            place += 7;
            if (p == end)
                return all;
        }
        all += v;
    }
    return all;
}

KERNEL(add_varints);
#include "drivers/fills.h"
#define FILL random_varints
#define CALL(data, length) called(data, (data) + (length))
#define ROUNDS 100
#include "drivers/bytes.h"
