/* The same elements in the same order, without a branch on what they are. */
INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    const ELEMENT *low = data;
    while (length) {
        size_t half = (length - ROUND) / 2;
        const ELEMENT *next = low + half + 1;
        size_t right = length - half - 1;
        bool below = BEHIND ? low[half] <= wanted : low[half] < wanted;
        low = __builtin_expect_with_probability(below, 1, 0.5) ? next : low;
        length = __builtin_expect_with_probability(below, 1, 0.5) ? right : half;
    }
    return (size_t)(low - data);
}
