/* Exchanges both ends until they meet. */
#include "kernel.h"

#define EXCHANGE(x, y) do { char t = (x); (x) = (y); (y) = t; } while (0)

#pragma superopt
void turn_round(char *first, char *last)
{
    while (first < last) {
        last--;
        if (first == last)
            break;
        EXCHANGE(*first, *last);
        first++;
    }
}

KERNEL(turn_round);
#define CALL(data, length) called((char *)(data), (char *)(data) + (length))
#define ROUNDS 1500
#include "drivers/change_bytes.h"
