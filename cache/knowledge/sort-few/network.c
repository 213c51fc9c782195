/* Batcher's exchanges of sixteen elements, without those that are not there: no branch. */
#define EXCHANGES(S) \
    S(0, 1) S(2, 3) S(4, 5) S(6, 7) S(8, 9) S(10, 11) S(12, 13) S(14, 15) S(0, 2)          \
    S(1, 3) S(4, 6) S(5, 7) S(8, 10) S(9, 11) S(12, 14) S(13, 15) S(1, 2) S(5, 6)          \
    S(9, 10) S(13, 14) S(0, 4) S(1, 5) S(2, 6) S(3, 7) S(8, 12) S(9, 13) S(10, 14)         \
    S(11, 15) S(2, 4) S(3, 5) S(10, 12) S(11, 13) S(1, 2) S(3, 4) S(5, 6) S(9, 10)         \
    S(11, 12) S(13, 14) S(0, 8) S(1, 9) S(2, 10) S(3, 11) S(4, 12) S(5, 13) S(6, 14)       \
    S(7, 15) S(4, 8) S(5, 9) S(6, 10) S(7, 11) S(2, 4) S(3, 5) S(6, 8) S(7, 9) S(10, 12)   \
    S(11, 13) S(1, 2) S(3, 4) S(5, 6) S(7, 8) S(9, 10) S(11, 12) S(13, 14)

INLINE void compute(ELEMENT *data)
{
    ELEMENT v[16];
#pragma GCC unroll 16
    for (u32 i = 0; i < COUNT; i++)
        v[i] = data[i];
#define S(i, j)                                                          \
    if (j < COUNT) {                                                     \
        ELEMENT less = v[i] < v[j] ? v[i] : v[j];                        \
        ELEMENT more = v[i] < v[j] ? v[j] : v[i];                        \
        v[i] = FALLING ? more : less;                                    \
        v[j] = FALLING ? less : more;                                    \
    }
    EXCHANGES(S)
#undef S
    ELEMENT nowhere;
#pragma GCC unroll 16
    for (u32 i = 0; i < COUNT; i++)
        *(i < KEPT && data[i] == v[i] ? &nowhere : data + i) = v[i];
}
