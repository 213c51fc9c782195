void compute(ELEMENT *data, size_t length)
{
    ELEMENT sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum = (ELEMENT)(sum + data[i]);
        data[i] = sum;
    }
}
