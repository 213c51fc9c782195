/* Structs, lists, matrices, hashes. */
#include <stddef.h>
#include <stdint.h>

struct item {
    int id;
    int price;
    int count;
    int active;
};

/* What all active items are worth. */
long stock_value(const struct item *items, int n)
{
    long total = 0;
    for (int i = 0; i < n; i++) {
        if (items[i].active == 0)
            continue;
        for (int k = 0; k < (items[i].count & 63); k++)
            total += items[i].price;
    }
    return total;
}

struct node {
    struct node *next;
    int value;
};

/* How many values of a list lie between low and high? */
int count_between(const struct node *list, int low, int high)
{
    int count = 0;
    while (list != NULL) {
        if (list->value >= low)
            if (list->value <= high)
                count++;
        list = list->next;
    }
    return count;
}

/* The determinant of a 3x3 matrix, by all products. */
int determinant(const int8_t m[9])
{
    int sum = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++) {
                if (i == j || j == k || i == k)
                    continue;
                int even = (j == (i + 1) % 3);
                int product = m[i] * m[3 + j] * m[6 + k];
                sum += even ? product : -product;
            }
    return sum;
}

/* A hash of a text, the slow way to take a remainder. */
unsigned bucket_of(const char *s, int n)
{
    unsigned hash = 5381;
    for (int i = 0; i < n; i++)
        hash = (hash * 33 + (unsigned char)s[i]) % 65536;
    return hash % 64;
}
