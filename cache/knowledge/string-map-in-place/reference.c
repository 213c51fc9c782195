void compute(u8 *text)
{
    for (; *text; text++)
        *text = BYTES[*text];
}
