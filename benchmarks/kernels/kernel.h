/* What the program of every kernel shares.  A file holds the kernel and, for its program,
 *
 *     KERNEL(name)                  behind the kernel: `called` is it, and no compiler sees so
 *     static void prepare(void)     makes the inputs, once
 *     static uint64_t work(void)    one round: the kernel over all inputs; something of its results
 *     BENCH(rounds, refresh)        `refresh` puts back, untimed, what a round overwrites, or is
 *                                   `nothing`
 *
 * The program prints the nanoseconds of its median round and a checksum of all results.  An
 * argument stands in for the number of rounds. */
#ifndef KERNEL_H
#define KERNEL_H

#define _POSIX_C_SOURCE 199309L
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KERNEL(function) static __typeof__(function) *volatile called = function

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Part of a long buffer. */
struct span {
    uint32_t at, length;
};

enum { MOST_ROUNDS = 4096, MOST_KEPT = 4 };

static uint64_t bench_state = 0x9e3779b97f4a7c15u;
static struct {
    const void *data;
    size_t size;
} bench_kept[MOST_KEPT];
static int bench_keeps;

static inline uint64_t any(void)
{
    bench_state ^= bench_state << 13;
    bench_state ^= bench_state >> 7;
    bench_state ^= bench_state << 17;
    return bench_state * 0x2545f4914f6cdd1du >> 16;
}

/* 0 to limit - 1. */
static inline uint32_t below(uint32_t limit)
{
    return (uint32_t)((any() & 0xffffffff) * limit >> 32);
}

static inline int between(int low, int high)
{
    return low + (int)below((uint32_t)(high - low + 1));
}

static inline bool chance(uint32_t percent)
{
    return below(100) < percent;
}

/* Short ones are many, long ones few; 0 and `most` occur. */
static inline uint32_t some_length(uint32_t most)
{
    uint32_t limit = chance(30) ? 15 : chance(40) ? 63 : most;
    return below((limit < most ? limit : most) + 1);
}

/* Parts of `some_length` that lie one behind another in `capacity` elements. */
static inline void lay_out(struct span *spans, uint32_t count, uint32_t capacity, uint32_t most)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        spans[i].length = some_length(most);
        if (spans[i].length > capacity - at)
            spans[i].length = capacity - at;
        spans[i].at = at;
        at += spans[i].length;
    }
}

static inline void random_bytes(void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)any();
}

/* Words of small letters, capitals, digits and stops, in lines. */
static inline void random_text(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint32_t kind = below(100);
        if (kind < 72)
            text[i] = (char)('a' + below(26));
        else if (kind < 87)
            text[i] = ' ';
        else if (kind < 92)
            text[i] = (char)('A' + below(26));
        else if (kind < 96)
            text[i] = (char)('0' + below(10));
        else
            text[i] = ".,;\n"[below(4)];
    }
}

static inline uint64_t fold(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0xff51afd7ed558ccdu;
    return sum ^ sum >> 29;
}

/* What the kernel writes: part of the checksum. */
static inline void keep(const void *data, size_t size)
{
    bench_kept[bench_keeps].data = data;
    bench_kept[bench_keeps++].size = size;
}

static inline uint64_t fold_kept(uint64_t sum)
{
    for (int i = 0; i < bench_keeps; i++)
        for (size_t j = 0; j < bench_kept[i].size; j++)
            sum = fold(sum, ((const uint8_t *)bench_kept[i].data)[j]);
    return sum;
}

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline void nothing(void)
{
}

static inline int bench(int rounds, void (*prepare)(void), void (*refresh)(void),
                        uint64_t (*work)(void))
{
    static double spent[MOST_ROUNDS];
    uint64_t sum = 0;
    rounds = rounds < 1 ? 1 : rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
    prepare();
    for (int i = 0; i < rounds; i++) {
        refresh();
        double start = bench_now();
        uint64_t result = work();
        spent[i] = bench_now() - start;
        sum = fold(sum, result);
        if (i == 0 || i == rounds - 1)
            sum = fold_kept(sum);
    }
    qsort(spent, (size_t)rounds, sizeof *spent, bench_order);
    printf("%.0f %016llx\n", spent[rounds / 2], (unsigned long long)sum);
    return 0;
}

#define BENCH(rounds, refresh)                                                                \
    int main(int count, char **words)                                                         \
    {                                                                                         \
        return bench(count > 1 ? atoi(words[1]) : (rounds), prepare, refresh, work);          \
    }

#endif
