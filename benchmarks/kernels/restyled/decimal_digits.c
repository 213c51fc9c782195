/* Digits of a number: one more than those of its tenth. */
#include "kernel.h"

#pragma superopt
unsigned width(unsigned n)
{
    if (n > 9)
        return 1 + width(n / 10);
    return 1;
}

KERNEL(width);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 550
#include "drivers/word.h"
