INLINE void compute(u8 *text)
{
    for (; (u64)text & (WIDTH - 1); text++) {
        if (!*text)
            return;
        *text = mapped_one(*text);
    }
    for (;; text += WIDTH) {
        V bytes = loadv(text);
        if (bits_of(OP(cmpeq_epi8)(bytes, ZERO)))
            break;
        storev(text, mapped(bytes));
    }
    for (; *text; text++)
        *text = mapped_one(*text);
}
