/* A few neighbours of four rows at once; each is summed in the order of the plain way. */
INLINE void some(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length, u32 rows)
{
    typedef ELEMENT lanes __attribute__((vector_size(16), aligned(sizeof(ELEMENT)), may_alias));
    lanes sums[4];
#pragma GCC unroll 4
    for (u32 r = 0; r < rows; r++)
        sums[r] = MORE ? *(const lanes *)(out + r * length) : (lanes){ 0 };
    for (size_t k = 0; k < length; k++, y += length) {
        lanes factors = *(const lanes *)y;
#pragma GCC unroll 4
        for (u32 r = 0; r < rows; r++)
            sums[r] += x[r * length + k] * factors;
    }
#pragma GCC unroll 4
    for (u32 r = 0; r < rows; r++)
        *(lanes *)(out + r * length) = sums[r];
}

INLINE void one(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    ELEMENT sum = MORE ? *out : 0;
    for (size_t k = 0; k < length; k++, y += length)
        sum += (ELEMENT)(x[k] * *y);
    *out = sum;
}

INLINE void plainly(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    for (size_t i = 0; i < length; i++, out += length, x += length) {
        if (MEMORY == 2) {
            if (!MORE)
                for (size_t j = 0; j < length; j++)
                    out[j] = 0;
            for (size_t k = 0; k < length; k++)
                for (size_t j = 0; j < length; j++)
                    out[j] += (ELEMENT)(x[k] * y[k * length + j]);
            continue;
        }
        for (size_t j = 0; j < length; j++)
            if (MEMORY == 1) {
                if (!MORE)
                    out[j] = 0;
                for (size_t k = 0; k < length; k++)
                    out[j] += (ELEMENT)(x[k] * y[k * length + j]);
            } else {
                one(out + j, x, y + j, length);
            }
    }
}

INLINE void compute(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    const size_t step = 16 / sizeof *x, bytes = length * length * sizeof *x;
    if (length < 4 || !(apart(out, bytes, x, bytes) & apart(out, bytes, y, bytes))) {
        plainly(out, x, y, length);
        return;
    }
    if (!MORE) { /* The last rows and columns may be made twice. */
        for (size_t i = 0; i < length; i += 4) {
            size_t row = least(i, length - 4) * length;
            for (size_t j = 0; j < length; j += step) {
                size_t column = least(j, length - step);
                some(out + row + column, x + row, y + column, length, 4);
            }
        }
        return;
    }
    for (size_t i = 0; i < length; i++, out += length, x += length) {
        size_t j = 0;
        for (; j + step <= length; j += step)
            some(out + j, x, y + j, length, 1);
        for (; j < length; j++)
            one(out + j, x, y + j, length);
    }
}
