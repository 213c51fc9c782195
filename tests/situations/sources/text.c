const char *text(void) { return TEXT; }
