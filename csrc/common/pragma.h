/* Finding our pragmas in the raw text of a C or C++ file (design 2, 10).
 *
 * A lexer of comments, strings, raw strings, numbers and line continuations; whatever it is not
 * certain of is no pragma, because blanking a line of a string would change the program. */
#ifndef SUPEROPT_PRAGMA_H
#define SUPEROPT_PRAGMA_H

#include <stdbool.h>
#include <stddef.h>

/* Does the text hold `#pragma superopt` or a macro of superopt.h, outside comments and strings? */
bool pragma_present(const char *text, size_t size);

/* Overwrite every `#pragma superopt` with blanks; lines and columns of the rest stay. */
void pragma_blank(char *text, size_t size);

#endif
