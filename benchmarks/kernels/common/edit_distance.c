/* How many insertions, deletions and changes make one word of another. */
#include "kernel.h"

#pragma superopt
int edit_distance(const char *a, int a_length, const char *b, int b_length, int *row)
{
    for (int j = 0; j <= b_length; j++)
        row[j] = j;
    for (int i = 0; i < a_length; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < b_length; j++) {
            int best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[b_length];
}

KERNEL(edit_distance);
#define CALL(a, a_length, b, b_length, row) called(a, a_length, b, b_length, row)
#define ROUNDS 600
#include "drivers/two_words.h"
