/* Is a number a prime? */
#include "kernel.h"

#pragma superopt
bool is_prime(uint32_t number)
{
    if (number < 2)
        return false;
    for (uint32_t divisor = 2; divisor <= number / divisor; divisor++)
        if (number % divisor == 0)
            return false;
    return true;
}

KERNEL(is_prime);
#define WORD uint32_t
#define LIMIT 100000
#define CALL(word) called(word)
#define ROUNDS 60
#include "drivers/word.h"
