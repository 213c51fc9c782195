/* How many digits a number has. */
#include "kernel.h"

#pragma superopt
int decimal_digits(uint32_t number)
{
    int digits = 1;
    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

KERNEL(decimal_digits);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 550
#include "drivers/word.h"
