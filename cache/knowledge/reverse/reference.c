void compute(ELEMENT *data, size_t length)
{
    for (size_t i = 0; i < length / 2; i++) {
        ELEMENT one = data[i];
        data[i] = data[length - 1 - i];
        data[length - 1 - i] = one;
    }
}
