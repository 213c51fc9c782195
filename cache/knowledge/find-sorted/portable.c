/* The same elements in the same order; the only branch is the one that leaves. */
INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    const ELEMENT *low = data;
    size_t left = length;
    while (left) {
        size_t half = (left - ROUND) / 2;
        const ELEMENT *next = low + half + 1;
        size_t right = left - half - 1;
        ELEMENT seen = low[half];
        if (__builtin_expect(seen == wanted, 0))
            return (size_t)(low + half - data);
        bool below = seen < wanted;
        low = __builtin_expect_with_probability(below, 1, 0.5) ? next : low;
        left = __builtin_expect_with_probability(below, 1, 0.5) ? right : half;
    }
    return length;
}
