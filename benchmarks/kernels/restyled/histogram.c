/* Counts bytes, the counters first; clears them by memset. */
#include "kernel.h"

#pragma superopt
void tally(uint32_t *bins, const unsigned char *p, const unsigned char *end)
{
    memset(bins, 0, 256 * sizeof *bins);
    while (p < end)
        ++bins[*p++];
}

KERNEL(tally);
static uint32_t counts[256];
#define FILL(data, size) random_text((char *)(data), size)
#define CALL(data, length) (called(counts, data, (data) + (length)), counts[' '])
#define ROUNDS 600
#include "drivers/bytes.h"
