/* The sum of numbers that are written seven bits a byte, low ones first, high bit set but last. */
#include "kernel.h"

#pragma superopt
uint64_t varint_sum(const uint8_t *data, size_t length)
{
    uint64_t sum = 0, number = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < length; i++) {
        number |= (uint64_t)(data[i] & 0x7f) << (shift & 63);
        if (data[i] & 0x80) {
            shift += 7;
        } else {
            sum += number;
            number = 0;
            shift = 0;
        }
    }
    return sum;
}

KERNEL(varint_sum);
#include "drivers/fills.h"
#define FILL random_varints
#define CALL(data, length) called(data, length)
#define ROUNDS 100
#include "drivers/bytes.h"
