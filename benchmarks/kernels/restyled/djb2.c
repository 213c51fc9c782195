/* Bernstein's hash, thirty-two times and once more. */
#include "kernel.h"

#pragma superopt
unsigned string_hash(const unsigned char *s)
{
    unsigned h, i;
    for (h = 5381, i = 0; s[i] != '\0'; i++)
        h = (h << 5) + h + s[i];
    return h;
}

KERNEL(string_hash);
#include "drivers/fills.h"
#define FILL random_strings
#define CALL(data, length) ((length) ? called(data) : 0)
#define ROUNDS 900
#include "drivers/bytes.h"
