/* Where both overlap: are bytes read again after letters were written? */
#define AGAIN(byte, at) (OFTEN ? (u32)data[at] : byte)

static const u8 LETTERS[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S',
    'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l',
    'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '0', '1', '2', '3', '4',
    '5', '6', '7', '8', '9', LETTER_62, LETTER_63,
};

/* What is added where sixes are at least `from`. */
INLINE __m128i step(__m128i sixes, s32 from, s32 added)
{
    return _mm_and_si128(_mm_cmpgt_epi8(sixes, _mm_set1_epi8((char)(from - 1))),
                         _mm_set1_epi8((char)added));
}

/* Each lane holds three bytes, the first of them lowest. */
INLINE __m128i letters(__m128i v)
{
    __m128i one = _mm_and_si128(_mm_srli_epi32(v, 2), _mm_set1_epi32(0x3f));
    __m128i two = _mm_or_si128(_mm_and_si128(_mm_slli_epi32(v, 12), _mm_set1_epi32(0x3000)),
                               _mm_and_si128(_mm_srli_epi32(v, 4), _mm_set1_epi32(0x0f00)));
    __m128i three = _mm_or_si128(_mm_and_si128(_mm_slli_epi32(v, 10), _mm_set1_epi32(0x3c0000)),
                                 _mm_and_si128(_mm_srli_epi32(v, 6), _mm_set1_epi32(0x030000)));
    __m128i four = _mm_and_si128(_mm_slli_epi32(v, 8), _mm_set1_epi32(0x3f000000));
    __m128i sixes = _mm_or_si128(_mm_or_si128(one, two), _mm_or_si128(three, four));
    __m128i sum = _mm_add_epi8(sixes, _mm_set1_epi8('A'));
    sum = _mm_add_epi8(sum, step(sixes, 26, 'a' - 26 - 'A'));
    sum = _mm_add_epi8(sum, step(sixes, 52, '0' - 52 - ('a' - 26)));
    sum = _mm_add_epi8(sum, step(sixes, 62, (s32)LETTER_62 - 62 - ('0' - 52)));
    return _mm_add_epi8(sum, step(sixes, 63, (s32)LETTER_63 - 63 - ((s32)LETTER_62 - 62)));
}

INLINE u64 compute(u8 *out, const u8 *data, size_t length)
{
    u8 *const first = out;
    if (length >= 16 && apart(out, length / 3 * 4 + 5, data, length))
        do {
            __m128i low = _mm_unpacklo_epi32(load4(data), load4(data + 3));
            __m128i high = _mm_unpacklo_epi32(load4(data + 6), load4(data + 9));
            store(out, letters(_mm_unpacklo_epi64(low, high)));
            out += 16;
            data += 12;
            length -= 12;
        } while (length >= 16);
    for (; length >= 3; length -= 3, data += 3, out += 4) {
        u32 a = data[0], b = data[1], c = data[2];
        out[0] = LETTERS[a >> 2];
        out[1] = LETTERS[(AGAIN(a, 0) << 4 | AGAIN(b, 1) >> 4) & 63];
        out[2] = LETTERS[(AGAIN(b, 1) << 2 | AGAIN(c, 2) >> 6) & 63];
        out[3] = LETTERS[AGAIN(c, 2) & 63];
    }
    if (length) {
        u32 a = data[0], b = length == 2 ? data[1] : 0;
        *out++ = LETTERS[a >> 2];
        *out++ = LETTERS[(AGAIN(a, 0) << 4 | (length == 2 ? AGAIN(b, 1) : 0) >> 4) & 63];
        if (length == 2)
            *out++ = LETTERS[AGAIN(b, 1) << 2 & 63];
        else if (FILL)
            *out++ = (u8)FILL;
        if (FILL)
            *out++ = (u8)FILL;
    }
    if (END)
        *out = 0;
    return (u64)(out - first);
}
