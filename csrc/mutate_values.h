/* What the operations of an expression compute, and the flags that they leave. */
#ifndef SUPEROPT_MUTATE_VALUES_H
#define SUPEROPT_MUTATE_VALUES_H

#include <stdint.h>

/* In the order of propose/mutate/operations.table. */
enum kind {
    K_ADD, K_SUB, K_AND, K_OR, K_XOR, K_IMUL, K_MULHU, K_MULHS,
    K_SHL, K_SHR, K_SAR, K_ROL, K_SHLV, K_SHRV, K_SARV,
    K_NEG, K_NOT, K_BSWAP, K_ZX8, K_ZX16, K_ZX32, K_SX8, K_SX16, K_SX32,
    K_POPCNT, K_TZCNT, K_LZCNT, K_BLSR, K_BLSI, K_ANDN, K_LEA,
    K_CMP, K_TEST, K_CMOV, K_SETCC, K_SBBSELF, K_ADC, K_SBB,
    KINDS
};

enum { FLAG_C = 1, FLAG_Z = 2, FLAG_S = 4, FLAG_O = 8, FLAG_P = 16 };

static inline uint64_t at_width(uint64_t width, uint64_t value)
{
    return width == 8 ? value : value & 0xffffffffu;
}

/* Does condition `cc`, numbered as in opcodes, hold? */
static inline int condition(uint64_t cc, unsigned flags)
{
    int c = !!(flags & FLAG_C), z = !!(flags & FLAG_Z), s = !!(flags & FLAG_S);
    int o = !!(flags & FLAG_O), holds = 0;
    switch (cc >> 1) {
    case 0: holds = o; break;
    case 1: holds = c; break;
    case 2: holds = z; break;
    case 3: holds = c | z; break;
    case 4: holds = s; break;
    case 5: holds = !!(flags & FLAG_P); break;
    case 6: holds = s ^ o; break;
    case 7: holds = (s ^ o) | z; break;
    }
    return holds ^ (int)(cc & 1);
}

/* `bit` is the condition of K_CMOV and K_SETCC, the carry of K_SBBSELF, K_ADC and K_SBB. */
static inline uint64_t compute(uint64_t kind, uint64_t width, uint64_t variant, uint64_t x,
                               uint64_t y, unsigned count, unsigned bit)
{
    unsigned many = (unsigned)width * 8, turn = (unsigned)y & (many - 1);
    uint64_t low = at_width(width, x), v = 0;
    int64_t is = width == 8 ? (int64_t)x : (int32_t)x;
    switch (kind) {
    case K_ADD: v = x + y; break;
    case K_SUB: v = x - y; break;
    case K_AND: v = x & y; break;
    case K_OR: v = x | y; break;
    case K_XOR: v = x ^ y; break;
    case K_IMUL: v = x * y; break;
    case K_MULHU: v = (uint64_t)((unsigned __int128)x * y >> 64); break;
    case K_MULHS: v = (uint64_t)((__int128)(int64_t)x * (int64_t)y >> 64); break;
    case K_SHL: v = x << count; break;
    case K_SHR: v = low >> count; break;
    case K_SAR: v = (uint64_t)(is >> count); break;
    case K_ROL: v = low << count | low >> (many - count); break;
    case K_SHLV: v = x << turn; break;
    case K_SHRV: v = low >> turn; break;
    case K_SARV: v = (uint64_t)(is >> turn); break;
    case K_NEG: v = -x; break;
    case K_NOT: v = ~x; break;
    case K_BSWAP: v = width == 8 ? __builtin_bswap64(x) : __builtin_bswap32((uint32_t)x); break;
    case K_ZX8: v = x & 0xff; break;
    case K_ZX16: v = x & 0xffff; break;
    case K_ZX32: v = x & 0xffffffffu; break;
    case K_SX8: v = (uint64_t)(int64_t)(int8_t)x; break;
    case K_SX16: v = (uint64_t)(int64_t)(int16_t)x; break;
    case K_SX32: v = (uint64_t)(int64_t)(int32_t)x; break;
    case K_POPCNT: v = (uint64_t)__builtin_popcountll(low); break;
    case K_TZCNT: v = low ? (uint64_t)__builtin_ctzll(low) : many; break;
    case K_LZCNT: v = low ? (uint64_t)__builtin_clzll(low) - (64 - many) : many; break;
    case K_BLSR: v = x & (x - 1); break;
    case K_BLSI: v = x & -x; break;
    case K_ANDN: v = ~x & y; break;
    case K_LEA: v = x + (y << variant); break;
    case K_CMOV: v = bit ? y : x; break;
    case K_SETCC: v = bit; break;
    case K_SBBSELF: v = -(uint64_t)bit; break;
    case K_ADC: v = x + y + bit; break;
    case K_SBB: v = x - y - bit; break;
    }
    return at_width(width, v);
}

/* The flags after an operation that leaves them as `instructions.table` says. */
static inline unsigned flags_after(uint64_t kind, uint64_t width, uint64_t x, uint64_t y,
                                   unsigned count, uint64_t result)
{
    unsigned flags = 0, top = (unsigned)width * 8 - 1;
    uint64_t low = at_width(width, x), other = at_width(width, y), v = result;
    switch (kind) {
    case K_ADD:
        flags = v < low ? FLAG_C : 0;
        flags |= ((low ^ v) & (other ^ v)) >> top & 1 ? FLAG_O : 0;
        break;
    case K_NEG:
        other = low, low = 0; /* fall through */
    case K_SUB:
    case K_CMP:
        v = at_width(width, low - other);
        flags = low < other ? FLAG_C : 0;
        flags |= ((low ^ other) & (low ^ v)) >> top & 1 ? FLAG_O : 0;
        break;
    case K_TEST: v = low & other; break;
    case K_SHL: flags = low >> (top + 1 - count) & 1 ? FLAG_C : 0; break;
    case K_SHR:
    case K_SAR: flags = low >> (count - 1) & 1 ? FLAG_C : 0; break;
    }
    flags |= __builtin_parity(v & 0xff) ? 0 : FLAG_P;
    return flags | (v ? 0 : FLAG_Z) | (v >> top & 1 ? FLAG_S : 0);
}

#endif
