/* The same elements in the same order, without a branch on what they are. */
INLINE position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    const ELEMENT *low = data;
    size_t left = length;
    while (left) {
        size_t half = (left - ROUND) / 2;
        const ELEMENT *next = low + half + 1;
        size_t right = left - half - 1;
        bool below = low[half] < wanted;
        low = __builtin_expect_with_probability(below, 1, 0.5) ? next : low;
        left = __builtin_expect_with_probability(below, 1, 0.5) ? right : half;
    }
    size_t found = (size_t)(low - data);
    return found < length && *low == wanted ? found : length;
}
