/* Characters of a UTF-8 text: all bytes but those that go on with one. */
#include "kernel.h"

#pragma superopt
int characters(const signed char *s, int n)
{
    int count = n;
    for (const signed char *end = s + n; s < end; s++)
        if (*s < -64)
            count--;
    return count;
}

KERNEL(characters);
#include "drivers/fills.h"
#define FILL random_utf8
#define CALL(data, length) called((const signed char *)(data), (int)(length))
#define ROUNDS 2000
#include "drivers/bytes.h"
