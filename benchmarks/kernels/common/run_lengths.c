/* Writes each run of equal bytes as its length and the byte; returns how many were written. */
#include "kernel.h"

#pragma superopt
size_t run_lengths(const uint8_t *data, size_t length, uint8_t *out)
{
    size_t written = 0;
    for (size_t i = 0; i < length;) {
        size_t run = 1;
        while (i + run < length && run < 255 && data[i + run] == data[i])
            run++;
        out[written++] = (uint8_t)run;
        out[written++] = data[i];
        i += run;
    }
    return written;
}

KERNEL(run_lengths);
#include "drivers/fills.h"
#define FILL random_runs
#define GROWTH 2
#define CALL(from, length, to) called(from, length, to)
#define ROUNDS 150
#include "drivers/code_bytes.h"
