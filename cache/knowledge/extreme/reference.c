s64 compute(const ELEMENT *data, size_t length)
{
    if (FIRST == 2 && !length)
        return (s64)VALUE;
    ELEMENT best = FIRST == 1 ? (ELEMENT)VALUE : data[0];
    for (size_t i = 0; i < length; i++)
        best = LEAST ? (data[i] < best ? data[i] : best) : (data[i] > best ? data[i] : best);
    return (s64)best;
}
