/* The sum of one column of a comma-separated text, in hundredths; fields without one count 0. */
#include "kernel.h"

#pragma superopt
long csv_total(const char *text, size_t length, int column)
{
    long total = 0;
    size_t i = 0;
    while (i < length) {
        int field = 0;
        while (i < length && text[i] != '\n') {
            if (text[i] == ',') {
                field++;
                i++;
                continue;
            }
            if (field == column) {
                bool minus = false;
                long value = 0;
                int decimals = -1;
                if (text[i] == '-') {
                    minus = true;
                    i++;
                }
                while (i < length && text[i] != ',' && text[i] != '\n') {
                    char c = text[i++];
                    if (c == '.')
                        decimals = 0;
                    else if (c >= '0' && c <= '9' && decimals < 2 && value < 100000000000) {
                        value = value * 10 + (c - '0');
                        if (decimals >= 0)
                            decimals++;
                    }
                }
                for (decimals = decimals < 0 ? 0 : decimals; decimals < 2; decimals++)
                    value *= 10;
                total += minus ? -value : value;
            } else {
                i++;
            }
        }
        i++;
    }
    return total;
}

KERNEL(csv_total);

enum { FILES = 30, SIZE = 2000 };
static char files[FILES][SIZE];
static size_t lengths[FILES];

static void prepare(void)
{
    for (int f = 0; f < FILES; f++)
        while (lengths[f] + 100 < SIZE) {
            unsigned r[6];
            for (int j = 0; j < 6; j++)
                r[j] = below(100000);
            lengths[f] += (size_t)snprintf(files[f] + lengths[f], SIZE - lengths[f],
                                           "%u,item %u,%s%u.%02u,%u\n", r[0], r[1] % 900,
                                           r[2] % 10 ? "" : "-", r[3] % 2000, r[4] % 100,
                                           r[5] % 50);
        }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int f = 0; f < FILES; f++)
        for (int column = 0; column < 4; column += 1 + f % 2)
            sum = fold(sum, (uint64_t)called(files[f], f % 5 ? lengths[f] : 150, column));
    return sum;
}

BENCH(150, nothing)
