/* Use as a launcher: `superopt-cc gcc -O3 -c f.c`, as CMAKE_C_COMPILER_LAUNCHER writes it. */
#ifndef SUPEROPT_LAUNCH_H
#define SUPEROPT_LAUNCH_H

#include "options.h"

/* If the user's words begin with a compiler, take it out of them and return its path. */
char *take_compiler(const char *called, struct words *words);

#endif
