u64 compute(const u8 *text, u8 wanted)
{
    u64 count = 0;
    for (; *text; text++)
        count += *text == wanted;
    return count;
}
