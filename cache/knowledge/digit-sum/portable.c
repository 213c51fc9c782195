/* Four digits a step, added side by side. */
INLINE u32 compute(WORD x)
{
    u32 sum = 0;
    while (x) {
        u32 four = (u32)(x % 10000);
        x /= 10000;
        u32 high = four * 5243 >> 19;           /* two digits each */
        u32 pairs = high | (four - high * 100) << 16;
        u32 tens = pairs * 103 >> 10 & 0x000f000f;
        u32 both = pairs - 9 * tens;
        sum += (both & 0xff) + (both >> 16);
    }
    return sum;
}
