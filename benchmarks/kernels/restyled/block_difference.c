/* How far two rows are apart in all. */
#include "kernel.h"

#define DISTANCE(x, y) ((x) - (y) < 0 ? (y) - (x) : (x) - (y))

#pragma superopt
int apart(int n, const unsigned char *x, const unsigned char *y)
{
    int far = 0;
    while (--n >= 0) {
        far += DISTANCE((int)*x, (int)*y);
        x++, y++;
    }
    return far;
}

KERNEL(apart);
#define CALL(a, b, length) called((int)(length), a, b)
#define ROUNDS 2000
#include "drivers/two_bytes.h"
