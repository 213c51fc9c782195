/* The last block begins where it fits whole: some bytes are written twice, alike. */
INLINE void compute(u8 *out, const u8 *data, size_t length)
{
    if (length < 4 || !apart(out, length, data, length)) {
        for (size_t i = 0; i < length; i++)
            out[i] = mapped_one(data[i]);
        return;
    }
    if (length < 8) {
        store4(out, lower(mapped(widened(load4(data)))));
        store4(out + length - 4, lower(mapped(widened(load4(data + length - 4)))));
        return;
    }
    if (length < 16) {
        store8(out, lower(mapped(widened(load8(data)))));
        store8(out + length - 8, lower(mapped(widened(load8(data + length - 8)))));
        return;
    }
    if (WIDTH > 16 && length < WIDTH) {
        store(out, lower(mapped(widened(load(data)))));
        store(out + length - 16, lower(mapped(widened(load(data + length - 16)))));
        return;
    }
    for (size_t i = 0; i < length - WIDTH; i += WIDTH)
        storev(out + i, mapped(loadv(data + i)));
    storev(out + length - WIDTH, mapped(loadv(data + length - WIDTH)));
}
