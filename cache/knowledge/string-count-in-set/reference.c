u64 compute(const u8 *text)
{
    u64 count = 0;
    for (; *text; text++)
        count += BYTES[*text];
    return count;
}
