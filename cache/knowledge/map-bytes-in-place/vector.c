/* The last block begins where it fits whole; it is read before anything is written. */
INLINE void compute(u8 *data, size_t length)
{
    if (length < 4) {
        for (size_t i = 0; i < length; i++)
            data[i] = mapped_one(data[i]);
        return;
    }
    if (length < 8) {
        __m128i last = lower(mapped(widened(load4(data + length - 4))));
        store4(data, lower(mapped(widened(load4(data)))));
        store4(data + length - 4, last);
        return;
    }
    if (length < 16) {
        __m128i last = lower(mapped(widened(load8(data + length - 8))));
        store8(data, lower(mapped(widened(load8(data)))));
        store8(data + length - 8, last);
        return;
    }
    if (WIDTH > 16 && length < WIDTH) {
        __m128i last = lower(mapped(widened(load(data + length - 16))));
        store(data, lower(mapped(widened(load(data)))));
        store(data + length - 16, last);
        return;
    }
    V last = mapped(loadv(data + length - WIDTH));
    for (size_t i = 0; i < length - WIDTH; i += WIDTH)
        storev(data + i, mapped(loadv(data + i)));
    storev(data + length - WIDTH, last);
}
