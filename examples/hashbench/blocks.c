#include "hashbench.h"

/* Sum of absolute differences of two 16x16 blocks that were copied out of their frames, row after
 * row: the inner loop of every motion search. */
#pragma superopt
uint32_t block_difference(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int y = 0; y < BLOCK; y++) {
        for (int x = 0; x < BLOCK; x++) {
            int difference = a[x] - b[x];
            sum += difference < 0 ? -difference : difference;
        }
        a += BLOCK;
        b += BLOCK;
    }
    return sum;
}

uint32_t block_energy(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int y = 0; y < 16; y++) {
        for (int x = 0; x < 16; x++) {
            int difference = a[x] - b[x];
            sum += (uint32_t)(difference * difference);
        }
        a += FRAME;
        b += FRAME;
    }
    return sum;
}

void block_transpose(const uint8_t *from, uint8_t *to)
{
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            to[x * FRAME + y] = from[y * FRAME + x];
}

void median_row(const uint8_t *from, uint8_t *to, int count)
{
    for (int i = 1; i < count - 1; i++) {
        uint8_t a = from[i - 1], b = from[i], c = from[i + 1];
        uint8_t low = a < b ? a : b, high = a < b ? b : a;
        to[i] = c < low ? low : c > high ? high : c;
    }
}

void luma_row(const uint8_t *rgb, uint8_t *luma, int count)
{
    for (int i = 0; i < count; i++) {
        const uint8_t *pixel = rgb + 3 * i;
        luma[i] = (uint8_t)((66 * pixel[0] + 129 * pixel[1] + 25 * pixel[2] + 128) / 256 + 16);
    }
}

void histogram(const uint8_t *data, int count, uint32_t bins[256])
{
    for (int i = 0; i < count; i++)
        bins[data[i]]++;
}

void multiply4(const float *a, const float *b, float *product)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            float sum = 0;
            for (int k = 0; k < 4; k++)
                sum += a[i * 4 + k] * b[k * 4 + j];
            product[i * 4 + j] = sum;
        }
}

/* A 3x3 blur of a whole frame; the rim keeps its pixels. */
void smooth(const uint8_t *from, uint8_t *to, int rows)
{
    for (int y = 1; y < rows - 1; y++)
        for (int x = 1; x < FRAME - 1; x++) {
            int sum = 0;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    sum += from[(y + dy) * FRAME + x + dx] * (2 - (dx & 1)) * (2 - (dy & 1));
            to[y * FRAME + x] = (uint8_t)(sum / 16);
        }
}
