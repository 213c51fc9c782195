void compute(u8 *out, const u8 *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = (u8)((data[i] >> 4) + (data[i] >> 4 < 10 ? '0' : (u8)TEN - 10));
        out[2 * i + 1] = (u8)((data[i] & 15) + ((data[i] & 15) < 10 ? '0' : (u8)TEN - 10));
    }
    if (END)
        out[2 * length] = 0;
}
