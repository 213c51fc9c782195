/* What every reference and implementation begins with: types, and a few idioms of vectors. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;
typedef float f32;
typedef double f64;
typedef unsigned long size_t;
typedef size_t position; /* the number of an element; the count where there is none */
typedef s64 place;       /* the same; -1 where there is none */
typedef s32 order;       /* below 0, 0 or above 0 */
#define bool _Bool
#define INLINE static inline __attribute__((always_inline))

#ifdef FAST
#if defined __AVX__ || defined __PCLMUL__ || defined __SSSE3__
#include <immintrin.h>
#else
#include <emmintrin.h>
#endif

/* May the first n bytes from a be written before the first m from b are read? */
INLINE bool apart(const void *a, size_t n, const void *b, size_t m)
{
#ifdef RESTRICT
    return 1;
#endif
    return ((u64)a + n <= (u64)b) | ((u64)b + m <= (u64)a);
}

INLINE u32 load32(const void *p)
{
    return *(const u32 *)p;
}

INLINE u64 load64(const void *p)
{
    return *(const u64 *)p;
}

INLINE __m128i load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE void store(void *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

INLINE u64 low64(__m128i v)
{
    return (u64)_mm_cvtsi128_si64(v);
}

/* Eight or four bytes, zeros behind them. */
INLINE __m128i load8(const void *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

INLINE void store8(void *p, __m128i v)
{
    _mm_storel_epi64((__m128i *)p, v);
}

INLINE __m128i load4(const void *p)
{
    return _mm_cvtsi32_si128((s32)load32(p));
}

INLINE void store4(void *p, __m128i v)
{
    *(u32 *)p = (u32)_mm_cvtsi128_si32(v);
}

INLINE u32 bits16(__m128i v)
{
    return (u32)_mm_movemask_epi8(v);
}

/* The sum of both halves. */
INLINE u64 across64(__m128i v)
{
    return low64(_mm_add_epi64(v, _mm_unpackhi_epi64(v, v)));
}

/* The sum of four 32-bit lanes. */
INLINE u32 across32(__m128i v)
{
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1));
    return (u32)_mm_cvtsi128_si32(v);
}

/* Vectors as wide as the processor has them: implementations are written once. */
#ifdef __AVX2__
typedef __m256i V;
#define OP(name) _mm256_##name
#define AND _mm256_and_si256
#define OR _mm256_or_si256
#define XOR _mm256_xor_si256
#define ANDNOT _mm256_andnot_si256
#define ZERO _mm256_setzero_si256()
#else
typedef __m128i V;
#define OP(name) _mm_##name
#define AND _mm_and_si128
#define OR _mm_or_si128
#define XOR _mm_xor_si128
#define ANDNOT _mm_andnot_si128
#define ZERO _mm_setzero_si128()
#endif
#define WIDTH sizeof(V)

INLINE V loadv(const void *p)
{
    V v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

INLINE void storev(void *p, V v)
{
    __builtin_memcpy(p, &v, sizeof v);
}

INLINE V widened(__m128i v)
{
#ifdef __AVX2__
    return _mm256_zextsi128_si256(v);
#else
    return v;
#endif
}

INLINE __m128i lower(V v)
{
#ifdef __AVX2__
    return _mm256_castsi256_si128(v);
#else
    return v;
#endif
}

/* Both halves of a wide vector added in 64-bit lanes. */
INLINE u64 total64(V v)
{
#ifdef __AVX2__
    return across64(_mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
#else
    return across64(v);
#endif
}

INLINE u32 total32(V v)
{
#ifdef __AVX2__
    return across32(_mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
#else
    return across32(v);
#endif
}

/* One bit for each byte. */
INLINE u32 bits_of(V v)
{
    return (u32)OP(movemask_epi8)(v);
}

/* Fewer than 16 bytes as a vector: they stand at its one end, `mask` says where, the rest is 0.
 * Nothing is read but what shares a block of 64 bytes with them. */
struct part {
    __m128i bytes, mask;
};

INLINE struct part part(const void *p, size_t n)
{
    static const u8 masks[48] = {
        [16 ... 31] = 255,
    };
    bool low = ((u64)p & 63) <= 48;
    __m128i mask = load(low ? masks + 32 - n : masks + n);
    struct part found = { load(low ? (const u8 *)p : (const u8 *)p + n - 16), mask };
    found.bytes = _mm_and_si128(found.bytes, mask);
    return found;
}

/* One of two words, without a branch. */
INLINE u64 chosen(bool first, u64 one, u64 other)
{
    return other ^ ((one ^ other) & -(u64)first);
}

/* Which elements of `size` bytes are equal. */
INLINE V same_lanes(V x, V y, size_t size)
{
    if (size == 1)
        return OP(cmpeq_epi8)(x, y);
    return size == 2 ? OP(cmpeq_epi16)(x, y) : OP(cmpeq_epi32)(x, y);
}

/* Which elements of x are above those of y. */
INLINE V lanes_above(V x, V y, size_t size, bool negative)
{
    if (!negative) {
        V top = size == 1   ? OP(set1_epi8)(-128)
                : size == 2 ? OP(set1_epi16)(-32768)
                            : OP(set1_epi32)(-0x7fffffff - 1);
        x = XOR(x, top);
        y = XOR(y, top);
    }
    if (size == 1)
        return OP(cmpgt_epi8)(x, y);
    return size == 2 ? OP(cmpgt_epi16)(x, y) : OP(cmpgt_epi32)(x, y);
}

/* One value in every element. */
INLINE V all_lanes(u64 value, size_t size)
{
    if (size == 1)
        return OP(set1_epi8)((char)value);
    return size == 2 ? OP(set1_epi16)((s16)value) : OP(set1_epi32)((s32)value);
}

/* What a vector of bytes shows of a vector `with`: 0xff where it hits, else 0. */
typedef V test(V bytes, V with);

/* How many of n bytes are hit. */
INLINE u64 count_bytes(const u8 *p, size_t n, test *hit, V with)
{
    V total = ZERO;
    while (n >= WIDTH) {
        size_t blocks = n / WIDTH < 255 ? n / WIDTH : 255;
        V sum = ZERO;
        n -= blocks * WIDTH;
        for (; blocks; blocks--, p += WIDTH)
            sum = OP(sub_epi8)(sum, hit(loadv(p), with));
        total = OP(add_epi64)(total, OP(sad_epu8)(sum, ZERO));
    }
    V sum = ZERO;
    if (WIDTH > 16 && n >= 16) {
        V all = widened(_mm_set1_epi8(-1));
        sum = AND(hit(widened(load(p)), with), all);
        p += 16;
        n -= 16;
    }
    if (n) {
        struct part rest = part(p, n);
        sum = OP(add_epi8)(sum, AND(hit(widened(rest.bytes), with), widened(rest.mask)));
    }
    sum = OP(sub_epi8)(ZERO, sum);
    return total64(OP(add_epi64)(total, OP(sad_epu8)(sum, ZERO)));
}

INLINE V loada(const void *p)
{
    return *(const V *)p;
}

INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The first of n bytes that is hit, or n.  Only aligned blocks are read that hold a byte before. */
INLINE size_t find_byte(const u8 *p, size_t n, test *hit, V with)
{
    if (!n)
        return 0;
    size_t before = (u64)p & (WIDTH - 1);
    u32 found = bits_of(hit(loada(p - before), with)) >> before;
    if (found)
        return least((size_t)__builtin_ctz(found), n);
    for (size_t at = WIDTH - before; at < n; at += WIDTH) {
        found = bits_of(hit(loada(p + at), with));
        if (found)
            return least(at + (size_t)__builtin_ctz(found), n);
    }
    return n;
}

/* The first byte that is hit; there is one. */
INLINE size_t find_end(const u8 *p, test *hit, V with)
{
    size_t before = (u64)p & (WIDTH - 1);
    u32 found = bits_of(hit(loada(p - before), with)) >> before;
    if (found)
        return (size_t)__builtin_ctz(found);
    const u8 *block = p - before;
    do {
        block += WIDTH;
        found = bits_of(hit(loada(block), with));
    } while (!found);
    return (size_t)(block - p) + (size_t)__builtin_ctz(found);
}

/* Bytes between two values, as a test would say it. */
INLINE V between(V bytes, u8 first, u8 last)
{
    if (first == last)
        return OP(cmpeq_epi8)(bytes, OP(set1_epi8)((char)first));
    V above = OP(sub_epi8)(bytes, OP(set1_epi8)((char)first));
    return OP(cmpeq_epi8)(OP(min_epu8)(above, OP(set1_epi8)((char)(last - first))), above);
}

#ifdef RANGES
/* Is each byte in the set? */
INLINE V members(V bytes, V with)
{
    V found = ZERO;
    (void)with;
#define R(first, last, what) found = OR(found, between(bytes, first, last));
    RANGES(R)
#undef R
    return found;
}

/* Every byte mapped. */
INLINE V mapped(V bytes)
{
    V sum = bytes;
#define R(first, last, what) \
    sum = OP(add_epi8)(sum, AND(between(bytes, first, last), OP(set1_epi8)((char)what)));
    RANGES(R)
#undef R
    return sum;
}

INLINE u8 mapped_one(u8 byte)
{
    u8 sum = byte;
#define R(first, last, what) sum += (u8)((u8)(byte - first) <= last - first ? what : 0);
    RANGES(R)
#undef R
    return sum;
}
#endif
#endif
