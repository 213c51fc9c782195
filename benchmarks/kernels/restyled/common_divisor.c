/* Euclid's algorithm as it is defined: by itself. */
#include "kernel.h"

#pragma superopt
unsigned gcd(unsigned u, unsigned v)
{
    return v ? gcd(v, u % v) : u;
}

KERNEL(gcd);
#define CALL(a, b) called(a, b)
#define ROUNDS 55
#include "drivers/pair.h"
