// In every source that includes it: one copy is linked.
template <class T> struct Bits {
    __attribute__((noinline)) static unsigned ones(T x)
    {
        unsigned n = 0;
        while (x) {
            n += x & 1;
            x >>= 1;
        }
        return n;
    }
};

unsigned elsewhere(unsigned x);
