/* Arrays of numbers. */
#include <stddef.h>
#include <stdint.h>

/* Is the array in ascending order? */
int is_sorted(const int *p, size_t n)
{
    int sorted = 1;
    for (size_t i = 1; i < n; i++)
        if (p[i - 1] > p[i])
            sorted = 0;
    return sorted;
}

/* The first place in a sorted array that holds at least key. */
size_t lower_place(const int *sorted, size_t n, int key)
{
    size_t place = 0;
    while (place < n && sorted[place] < key)
        place++;
    return place;
}

/* Does any number occur twice? */
int has_duplicate(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (i != j && p[i] == p[j])
                return 1;
    return 0;
}

/* The best sum of neighbours, 0 for none. */
int best_sum(const int8_t *p, int n)
{
    int best = 0;
    for (int i = 0; i < n; i++) {
        int sum = 0;
        for (int j = i; j < n; j++) {
            sum += p[j];
            if (sum > best)
                best = sum;
        }
    }
    return best;
}

/* The middle one of three. */
int middle(int a, int b, int c)
{
    int p[3] = {a, b, c};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2 - i; j++)
            if (p[j] > p[j + 1]) {
                int t = p[j];
                p[j] = p[j + 1];
                p[j + 1] = t;
            }
    return p[1];
}

/* Running sums in place, each begun anew. */
void running_sums(int *p, int n)
{
    for (int i = n - 1; i > 0; i--) {
        unsigned sum = 0;
        for (int j = 0; j <= i; j++)
            sum += (unsigned)p[j];
        p[i] = (int)sum;
    }
}

/* Turns an array around. */
void turn_around(int *p, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n - 1 - i; j++) {
            int t = p[j];
            p[j] = p[j + 1];
            p[j + 1] = t;
        }
}

/* The spread, in two passes of their own. */
int spread(const int16_t *p, int n)
{
    int low = 0, high = 0;
    for (int i = 0; i < n; i++)
        if (i == 0 || p[i] < low)
            low = p[i];
    for (int i = 0; i < n; i++)
        if (i == 0 || p[i] > high)
            high = p[i];
    return high - low;
}
