#include "hashbench.h"

/* The lowest bit becomes the highest, as an FFT or a serial line wants it. */
#pragma superopt
uint32_t reverse_bits(uint32_t x)
{
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++) {
        reversed = (reversed << 1) | (x & 1);
        x >>= 1;
    }
    return reversed;
}

#pragma superopt
int count_ones(uint32_t x)
{
    int ones = 0;
    for (int i = 0; i < 32; i++)
        ones += (x >> i) & 1;
    return ones;
}

#pragma superopt
int parity(uint32_t x)
{
    int odd = 0;
    for (int i = 0; i < 32; i++)
        odd ^= (x >> i) & 1;
    return odd;
}

/* The same answer as reverse_bits, written by somebody who thinks in single bits. */
uint32_t mirror_mask(uint32_t mask)
{
    uint32_t mirrored = 0;
    for (int i = 0; i < 32; i++)
        if (mask & (1u << i))
            mirrored |= 1u << (31 - i);
    return mirrored;
}

/* Interleaves the bits of two coordinates (Z order). */
uint32_t morton(uint16_t x, uint16_t y)
{
    uint32_t code = 0;
    for (int i = 0; i < 16; i++) {
        code |= (uint32_t)((x >> i) & 1) << (2 * i);
        code |= (uint32_t)((y >> i) & 1) << (2 * i + 1);
    }
    return code;
}

uint32_t gray_decode(uint32_t gray)
{
    uint32_t binary = 0;
    for (; gray; gray >>= 1)
        binary ^= gray;
    return binary;
}

/* Mirrors an 8x8 board of bits along its diagonal. */
uint64_t flip_board(uint64_t board)
{
    uint64_t flipped = 0;
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            flipped |= ((board >> (i * 8 + j)) & 1) << (j * 8 + i);
    return flipped;
}

uint32_t integer_root(uint32_t x)
{
    uint32_t root = 0;
    for (int i = 15; i >= 0; i--) {
        uint32_t guess = root | (1u << i);
        if (guess * guess <= x)
            root = guess;
    }
    return root;
}

int leading_zeros(uint32_t x)
{
    int zeros = 0;
    for (int i = 31; i >= 0; i--) {
        if (x & (1u << i))
            break;
        zeros++;
    }
    return zeros;
}

/* Multiplication in the field that AES uses. */
uint8_t gf_multiply(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (int i = 0; i < 8; i++) {
        if (b & 1)
            product ^= a;
        uint8_t carry = a & 0x80;
        a = (uint8_t)(a << 1);
        if (carry)
            a ^= 0x1b;
        b >>= 1;
    }
    return product;
}

uint32_t power_modulo(uint32_t base, uint32_t exponent)
{
    const uint64_t modulus = 1000003;
    uint64_t power = 1, square = base % modulus;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            power = power * square % modulus;
        square = square * square % modulus;
    }
    return (uint32_t)power;
}
