s64 compute(const ELEMENT *data, size_t length)
{
    size_t best = 0;
    if (!length)
        return (s32)OF_NOTHING;
    for (size_t i = 1; i < length; i++) {
        bool wins = LEAST ? data[i] < data[best] : data[i] > data[best];
        if (wins || (LAST && data[i] == data[best]))
            best = i;
    }
    return (s64)best;
}
