int bad(int x) { return y; }
int worse( { }
