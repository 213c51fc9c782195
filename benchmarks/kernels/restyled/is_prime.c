/* Primality: no number up to the root goes into it. */
#include "kernel.h"

#define DIVIDES(d, n) ((n) / (d) * (d) == (n))

#pragma superopt
int prime(unsigned n)
{
    unsigned d = 2;
    if (n < 4)
        return n > 1;
    do
        if (DIVIDES(d, n))
            return 0;
    while (d++, (uint64_t)d * d <= n);
    return 1;
}

KERNEL(prime);
#define WORD uint32_t
#define LIMIT 100000
#define CALL(word) called(word)
#define ROUNDS 60
#include "drivers/word.h"
