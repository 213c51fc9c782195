/* Runs every kernel over the same pseudo-random data and prints what it returned.  Lines that
 * start with "time" hold milliseconds and differ from run to run; all others must not. */
#define _POSIX_C_SOURCE 199309L
#include "hashbench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WORDS = 4096, SORTED = 512, TEXT = 2000 };

static uint32_t words[WORDS];
static uint8_t frame[FRAME * FRAME], other[FRAME * FRAME];
static int values[SORTED], scratch[SORTED];
static char text[TEXT + 1];
static double total;

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void fill(void)
{
    uint32_t state = 2463534242u;
    for (int i = 0; i < WORDS; i++)
        words[i] = next(&state);
    for (int i = 0; i < FRAME * FRAME; i++) {
        frame[i] = (uint8_t)(next(&state) >> 7);
        other[i] = (uint8_t)(frame[i] + next(&state) % 32);
    }
    for (int i = 0; i < TEXT; i++)
        text[i] = (char)(next(&state) % 6 ? 'a' + (int)(next(&state) % 4) : ' ');
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void show(const char *name, uint64_t result, double start)
{
    double spent = now() - start;
    total += spent;
    printf("%-20s %016" PRIx64 "\ntime %-15s %8.2f\n", name, result, name, spent);
}

/* Repeats `expression` for `rounds` values of `r` and folds the answers into one number. */
#define RUN(name, rounds, expression)                                                   \
    do {                                                                                \
        uint64_t folded = 0;                                                            \
        double start = now();                                                           \
        for (uint32_t r = 0; r < (rounds); r++)                                         \
            folded = folded * 31 + (uint64_t)(expression);                              \
        show(#name, folded, start);                                                     \
    } while (0)

static uint64_t fold(const void *data, size_t length)
{
    return siphash(data, length, 1, 2);
}

static void run_bits(void)
{
    RUN(reverse_bits, 1500000, reverse_bits(words[r % WORDS] + r));
    RUN(count_ones, 2500000, count_ones(words[r % WORDS] + r));
    RUN(parity, 2500000, parity(words[r % WORDS] + r));
    RUN(mirror_mask, 500000, mirror_mask(words[r % WORDS] + r));
    RUN(morton, 200000, morton((uint16_t)words[r % WORDS], (uint16_t)r));
    RUN(gray_decode, 200000, gray_decode(words[r % WORDS] ^ r));
    RUN(flip_board, 200000, flip_board((uint64_t)words[r % WORDS] << 32 | r));
    RUN(integer_root, 200000, integer_root(words[r % WORDS]));
    RUN(leading_zeros, 200000, leading_zeros(words[r % WORDS] >> r % 32));
    RUN(gf_multiply, 200000, gf_multiply((uint8_t)words[r % WORDS], (uint8_t)r));
    RUN(power_modulo, 20000, power_modulo(words[r % WORDS], r));
}

static void run_checksums(void)
{
    static uint8_t digits[16];
    for (int i = 0; i < 16; i++)
        digits[i] = (uint8_t)(words[i] % 10);
    RUN(adler32, 30, adler32(frame, sizeof frame - r));
    RUN(fletcher32, 30, fletcher32((const uint16_t *)words, 2048 - r));
    RUN(fletcher16, 30, fletcher16(frame, sizeof frame - r));
    RUN(fnv1a, 100, fnv1a(frame, sizeof frame - r));
    RUN(crc32, 20, crc32(frame, sizeof frame - r));
    RUN(crc16, 20, crc16(frame, sizeof frame - r));
    RUN(mix_words, 100000, mix_words(words + r % 1024));
    RUN(siphash, 100, siphash(frame, sizeof frame - r, r, 7));
    RUN(card_number_valid, 3000000,
        (digits[r % 16] = (uint8_t)(words[r % WORDS] % 10), card_number_valid(digits)));
}

typedef void sorter(int *, int);

static uint64_t sorted(sorter *sort, uint32_t round)
{
    for (int i = 0; i < SORTED; i++)
        values[i] = (int)(words[(round * 64 + (uint32_t)i) % WORDS] >> 12);
    sort(values, SORTED);
    return fold(values, sizeof values);
}

static void merge(int *data, int count)
{
    merge_sort(data, scratch, count);
}

static void radix(int *data, int count)
{
    static uint32_t keys[SORTED], spare[SORTED];
    memcpy(keys, data, (size_t)count * sizeof *keys);
    radix_sort(keys, spare, count);
    memcpy(data, keys, (size_t)count * sizeof *keys);
}

static uint64_t sorted_eight(uint32_t round)
{
    for (int i = 0; i < 8; i++)
        values[i] = (int)(words[(round + (uint32_t)i) % WORDS] >> 12);
    sort_eight(values);
    return (uint64_t)values[round % 8];
}

static void run_sorts(void)
{
    RUN(sort_eight, 500000, sorted_eight(r));
    RUN(bubble_sort, 50, sorted(bubble_sort, r));
    RUN(insertion_sort, 50, sorted(insertion_sort, r));
    RUN(selection_sort, 50, sorted(selection_sort, r));
    RUN(shell_sort, 100, sorted(shell_sort, r));
    RUN(heap_sort, 100, sorted(heap_sort, r));
    RUN(quick_sort, 100, sorted(quick_sort, r));
    RUN(merge_sort, 100, sorted(merge, r));
    RUN(radix_sort, 100, sorted(radix, r));
}

static void run_blocks(void)
{
    static uint8_t out[FRAME * FRAME];
    static uint32_t bins[256];
    static float a[16], b[16], product[16];
    for (int i = 0; i < 16; i++) {
        a[i] = (float)(words[i] % 100);
        b[i] = (float)(words[i + 16] % 100) / 8;
    }
    RUN(block_difference, 800000, block_difference(frame + r % 3840, other + r * 7 % 3840));
    RUN(block_energy, 100000, block_energy(frame + r % 3072, other + r * 7 % 3072));
    RUN(block_transpose, 50000, (block_transpose(frame + r % 3072, out), out[r % 4096]));
    RUN(median_row, 5000, (median_row(frame, out, 1000), out[r % 1000]));
    RUN(luma_row, 5000, (luma_row(frame, out, 1000), out[r % 1000]));
    RUN(histogram, 500, (histogram(frame, 4096, bins), bins[r % 256]));
    RUN(multiply4, 50000, (multiply4(a, b, product), (int)product[r % 16]));
    RUN(smooth, 200, (smooth(frame, out, FRAME), fold(out, sizeof out)));
}

static void run_text(void)
{
    static int row[TEXT + 1];
    static char out[2 * FRAME * FRAME];
    const uint8_t *bytes = (const uint8_t *)text;
    RUN(edit_distance, 20, edit_distance(text, 100, text + 700 + r, 120, row));
    RUN(find_byte, 2000, find_byte(frame, FRAME * FRAME, (uint8_t)r));
    RUN(longest_common_run, 5, longest_common_run(bytes + r, bytes + 900, 200));
    RUN(count_words, 200, count_words(text, TEXT - (int)r));
    RUN(hex_encode, 200, hex_encode(frame, FRAME * FRAME, out) + out[r]);
    RUN(is_palindrome, 2000, is_palindrome(text + r % 1000, 900));
    RUN(run_lengths, 200, run_lengths(bytes, TEXT - (int)r, (uint8_t *)out));
}

int main(void)
{
    fill();
    run_bits();
    run_checksums();
    run_sorts();
    run_blocks();
    run_text();
    printf("time %-15s %8.2f\n", "total", total);
    return 0;
}
