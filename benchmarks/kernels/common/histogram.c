/* How often each byte occurs. */
#include "kernel.h"

#pragma superopt
void histogram(const uint8_t *data, size_t length, uint32_t counts[256])
{
    for (int i = 0; i < 256; i++)
        counts[i] = 0;
    for (size_t i = 0; i < length; i++)
        counts[data[i]]++;
}

KERNEL(histogram);
static uint32_t counts[256];
#define FILL(data, size) random_text((char *)(data), size)
#define CALL(data, length) (called(data, length, counts), counts[' '])
#define ROUNDS 600
#include "drivers/bytes.h"
