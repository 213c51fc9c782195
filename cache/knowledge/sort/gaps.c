/* Shell's way: elements far apart first.  Only such elements are written as are out of order with
 * another, which every sort by exchanges writes. */
INLINE bool after(ELEMENT x, ELEMENT y)
{
    return FALLING ? x < y : x > y;
}

/* `gap` is below `length`. */
INLINE void ordered(ELEMENT *data, size_t length, size_t gap)
{
    size_t i = gap;
    do {
        ELEMENT one = data[i], other = data[i - gap];
        if (after(other, one)) {
            size_t j = i;
            do {
                data[j] = other;
                j -= gap;
            } while (j >= gap && after(other = data[j - gap], one));
            data[j] = one;
        }
    } while (++i < length);
}

INLINE void compute(ELEMENT *data, size_t length)
{
    if (length < 2)
        return;
    if (length > 16) {
        size_t gap = length / 2;
        do {
            ordered(data, length, gap);
            gap = gap * 5 / 11;
        } while (gap > 1);
    }
    ordered(data, length, 1);
}
