void compute(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    for (size_t i = 0; i < length; i++)
        for (size_t j = 0; j < length; j++) {
            ELEMENT sum = MORE ? out[i * length + j] : 0;
            for (size_t k = 0; k < length; k++)
                sum += (ELEMENT)(x[i * length + k] * y[k * length + j]);
            out[i * length + j] = sum;
        }
}
