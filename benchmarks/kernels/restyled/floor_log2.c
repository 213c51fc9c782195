/* The logarithm to base two, rounded down: how often a number can be halved. */
#include "kernel.h"

#pragma superopt
int halvings(uint64_t n)
{
    return n == 0 ? -1 : n == 1 ? 0 : 1 + halvings(n / 2);
}

KERNEL(halvings);
#define WORD uint64_t
#define CALL(word) called(word)
#define ROUNDS 250
#include "drivers/word.h"
