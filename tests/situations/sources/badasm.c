int f(int x) { __asm__("nonsense %0" : "+r"(x)); return x; }
