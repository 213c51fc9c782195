void compute(ELEMENT *out, const ELEMENT *x, const ELEMENT *y, size_t length)
{
    const s32 least = (ELEMENT)-1 < 0 ? -(1 << (8 * sizeof(ELEMENT) - 1)) : 0;
    const s32 most = least + (1 << 8 * sizeof(ELEMENT)) - 1;
    for (size_t i = 0; i < length; i++) {
        s32 sum = x[i] - y[i];
        out[i] = (ELEMENT)(sum < least ? least : sum > most ? most : sum);
    }
}
