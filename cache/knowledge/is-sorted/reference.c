bool compute(const ELEMENT *data, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        ELEMENT low = data[FALLING ? i : i - 1], high = data[FALLING ? i - 1 : i];
        if (low > high || (STRICTLY && low == high))
            return 0;
    }
    return 1;
}
