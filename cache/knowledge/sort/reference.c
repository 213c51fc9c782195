void compute(ELEMENT *data, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        ELEMENT one = data[i];
        size_t j = i;
        for (; j && (FALLING ? data[j - 1] < one : data[j - 1] > one); j--)
            data[j] = data[j - 1];
        data[j] = one;
    }
}
