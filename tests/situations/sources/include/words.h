#define WORDS 9
