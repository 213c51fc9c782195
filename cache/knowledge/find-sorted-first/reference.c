position compute(const ELEMENT *data, size_t length, ELEMENT wanted)
{
    size_t low = 0, high = length;
    while (low < high) {
        size_t middle = low + (high - low - ROUND) / 2;
        if (data[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < length && data[low] == wanted ? low : length;
}
