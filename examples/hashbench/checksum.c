#include "hashbench.h"

uint32_t adler32(const uint8_t *data, size_t length)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

uint32_t fletcher32(const uint16_t *words, size_t count)
{
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + words[i]) % 65535;
        b = (b + a) % 65535;
    }
    return b << 16 | a;
}

uint16_t fletcher16(const uint8_t *data, size_t length)
{
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i < length; i++) {
        a = (a + data[i]) % 255;
        b = (b + a) % 255;
    }
    return (uint16_t)(b << 8 | a);
}

uint32_t fnv1a(const uint8_t *data, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        hash ^= data[i];
        hash *= 16777619u;
    }
    return hash;
}

uint32_t crc32(const uint8_t *data, size_t length)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

uint16_t crc16(const uint8_t *data, size_t length)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= (uint16_t)(data[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

static uint32_t rotate(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

uint32_t mix_words(const uint32_t words[16])
{
    uint32_t hash = 0;
    for (int i = 0; i < 16; i++) {
        uint32_t k = rotate(words[i] * 0xcc9e2d51u, 15) * 0x1b873593u;
        hash = rotate(hash ^ k, 13) * 5 + 0xe6546b64u;
    }
    return hash;
}

static uint64_t rotate64(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate64(v[1], 13) ^ v[0];
    v[0] = rotate64(v[0], 32);
    v[2] += v[3];
    v[3] = rotate64(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate64(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate64(v[1], 17) ^ v[2];
    v[2] = rotate64(v[2], 32);
}

uint64_t siphash(const uint8_t *data, size_t length, uint64_t key0, uint64_t key1)
{
    uint64_t v[4] = {
        key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
        key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u,
    };
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++) {
        word |= (uint64_t)data[i] << (i % 8 * 8);
        if (i % 8 == 7) {
            v[3] ^= word;
            sip_round(v);
            sip_round(v);
            v[0] ^= word;
            word = 0;
        }
    }
    word |= (uint64_t)length << 56;
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The Luhn check digit; each element is one decimal digit. */
#pragma superopt
bool card_number_valid(const uint8_t digits[16])
{
    int sum = 0;
    for (int i = 0; i < 16; i++) {
        int value = digits[i];
        if (i % 2 == 0) {
            value *= 2;
            if (value > 9)
                value -= 9;
        }
        sum += value;
    }
    return sum % 10 == 0;
}
