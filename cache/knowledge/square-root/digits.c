/* A binary digit a step, without a branch; no multiplication. */
INLINE u32 compute(WORD x)
{
    WORD root = 0;
    for (WORD bit = (WORD)1 << (8 * sizeof x - 2); bit; bit >>= 2) {
        WORD tried = root + bit;
        WORD fits = x >= tried ? (WORD)-1 : 0;
        x -= tried & fits;
        root = (root >> 1) + (bit & fits);
    }
    return (u32)root;
}
