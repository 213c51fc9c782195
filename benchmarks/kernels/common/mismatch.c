/* Where two buffers differ first; their length if they do not. */
#include "kernel.h"

#pragma superopt
size_t mismatch(const uint8_t *a, const uint8_t *b, size_t length)
{
    size_t i = 0;
    while (i < length && a[i] == b[i])
        i++;
    return i;
}

KERNEL(mismatch);
#define CALL(a, b, length) called(a, b, length)
#define ROUNDS 1500
#include "drivers/two_bytes.h"
