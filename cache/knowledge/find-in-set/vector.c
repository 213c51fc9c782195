INLINE position compute(const u8 *data, size_t length)
{
    return find_byte(data, length, members, ZERO);
}
