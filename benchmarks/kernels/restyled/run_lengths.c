/* Runs as (length, byte), one byte at a time with the run that is open. */
#include "kernel.h"

#define PUT(count, byte) (*out++ = (unsigned char)(count), *out++ = (byte))

#pragma superopt
int pack_runs(unsigned char *out, const unsigned char *p, const unsigned char *end)
{
    unsigned char *start = out, open;
    int count;
    if (p == end)
        return 0;
    open = *p++;
    count = 1;
    for (; p != end; p++) {
        if (*p == open && count < 255) {
            count++;
        } else {
            PUT(count, open);
            open = *p;
            count = 1;
        }
    }
    PUT(count, open);
    return (int)(out - start);
}

KERNEL(pack_runs);
#include "drivers/fills.h"
#define FILL random_runs
#define GROWTH 2
#define CALL(from, length, to) called(to, from, (from) + (length))
#define ROUNDS 150
#include "drivers/code_bytes.h"
