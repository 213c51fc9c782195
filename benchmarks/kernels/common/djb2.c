/* Bernstein's hash of a text that ends with a zero. */
#include "kernel.h"

#pragma superopt
uint32_t djb2(const char *text)
{
    uint32_t hash = 5381;
    while (*text)
        hash = hash * 33 + (unsigned char)*text++;
    return hash;
}

KERNEL(djb2);
#include "drivers/fills.h"
#define FILL random_strings
#define CALL(data, length) ((length) ? called((const char *)(data)) : 0)
#define ROUNDS 900
#include "drivers/bytes.h"
