/* Fills an array with one number. */
#include "kernel.h"

#pragma superopt
void fill_words(uint16_t *words, size_t count, uint16_t value)
{
    for (size_t i = 0; i < count; i++)
        words[i] = value;
}

KERNEL(fill_words);
#define CALL(numbers, count) called((uint16_t *)(numbers), 2 * (size_t)(count), (uint16_t)(count))
#define MOST 200
#define ROUNDS 4000
#include "drivers/change_numbers.h"
