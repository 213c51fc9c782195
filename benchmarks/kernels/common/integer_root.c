/* The whole part of a square root, digit by digit in base two. */
#include "kernel.h"

#pragma superopt
uint32_t integer_root(uint32_t number)
{
    uint32_t root = 0, bit = 1u << 30;
    while (bit > number)
        bit >>= 2;
    while (bit != 0) {
        if (number >= root + bit) {
            number -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    return root;
}

KERNEL(integer_root);
#define WORD uint32_t
#define CALL(word) called(word)
#define ROUNDS 200
#include "drivers/word.h"
