/* Small kernels of the kind that many programs carry: checksums, bit tricks, sorts, blocks of
 * pixels, text.  Each is ordinary C; main.c runs them all and prints what they return. */
#ifndef HASHBENCH_H
#define HASHBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bits.c */
uint32_t reverse_bits(uint32_t x);
int count_ones(uint32_t x);
int parity(uint32_t x);
uint32_t mirror_mask(uint32_t mask);
uint32_t morton(uint16_t x, uint16_t y);
uint32_t gray_decode(uint32_t gray);
uint64_t flip_board(uint64_t board);
uint32_t integer_root(uint32_t x);
int leading_zeros(uint32_t x);
uint8_t gf_multiply(uint8_t a, uint8_t b);
uint32_t power_modulo(uint32_t base, uint32_t exponent);

/* checksum.c */
uint32_t adler32(const uint8_t *data, size_t length);
uint32_t fletcher32(const uint16_t *words, size_t count);
uint16_t fletcher16(const uint8_t *data, size_t length);
uint32_t fnv1a(const uint8_t *data, size_t length);
uint32_t crc32(const uint8_t *data, size_t length);
uint16_t crc16(const uint8_t *data, size_t length);
uint32_t mix_words(const uint32_t words[16]);
uint64_t siphash(const uint8_t *data, size_t length, uint64_t key0, uint64_t key1);
bool card_number_valid(const uint8_t digits[16]);

/* sort.c */
void sort_eight(int values[8]);
void bubble_sort(int *values, int count);
void insertion_sort(int *values, int count);
void selection_sort(int *values, int count);
void shell_sort(int *values, int count);
void heap_sort(int *values, int count);
void quick_sort(int *values, int count);
void merge_sort(int *values, int *scratch, int count);
void radix_sort(uint32_t *values, uint32_t *scratch, int count);

/* blocks.c: frames are FRAME bytes wide, blocks BLOCK */
enum { FRAME = 64, BLOCK = 16 };
uint32_t block_difference(const uint8_t *a, const uint8_t *b);
uint32_t block_energy(const uint8_t *a, const uint8_t *b);
void block_transpose(const uint8_t *from, uint8_t *to);
void median_row(const uint8_t *from, uint8_t *to, int count);
void luma_row(const uint8_t *rgb, uint8_t *luma, int count);
void histogram(const uint8_t *data, int count, uint32_t bins[256]);
void multiply4(const float *a, const float *b, float *product);
void smooth(const uint8_t *from, uint8_t *to, int rows);

/* text.c */
int edit_distance(const char *a, int a_length, const char *b, int b_length, int *row);
int find_byte(const uint8_t *data, int length, uint8_t byte);
int longest_common_run(const uint8_t *a, const uint8_t *b, int length);
int count_words(const char *text, int length);
int hex_encode(const uint8_t *data, int length, char *out);
bool is_palindrome(const char *text, int length);
int run_lengths(const uint8_t *data, int length, uint8_t *out);

#endif
