/* The distance of two words: the row before in the row itself, by pointers. */
#include "kernel.h"

#define LEAST(x, y) ((x) < (y) ? (x) : (y))

#pragma superopt
int changes(int *cost, const char *s, const char *s_end, const char *t, const char *t_end)
{
    int width = (int)(t_end - t);
    for (int i = width; i >= 0; i--)
        cost[i] = i;
    while (s < s_end) {
        int left = cost[0] + 1, corner = cost[0];
        int *cell = cost;
        *cell = left;
        for (const char *p = t; p < t_end; p++) {
            int above = *++cell;
            int changed = *p == *s ? corner : corner + 1;
            left = LEAST(LEAST(left, above) + 1, changed);
            *cell = left;
            corner = above;
        }
        s++;
    }
    return cost[width];
}

KERNEL(changes);
#define CALL(a, a_length, b, b_length, row) called(row, a, (a) + (a_length), b, (b) + (b_length))
#define ROUNDS 600
#include "drivers/two_words.h"
