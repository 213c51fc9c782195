/* The first number that is not below another, by halving what is left. */
#include "kernel.h"

#pragma superopt
long not_below(int key, const int *v, const int *end)
{
    const int *p = v;
    size_t left = (size_t)(end - v);
    while (left > 0) {
        size_t half = left >> 1;
        if (p[half] < key) {
            p += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return p - v;
}

KERNEL(not_below);
#define CALL(sorted, count, wanted) called(wanted, sorted, (sorted) + (count))
#define ROUNDS 250
#include "drivers/sorted.h"
