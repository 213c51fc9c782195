/* What a gcc command line will do, as far as the front door must know. */
#ifndef SUPEROPT_COMMAND_H
#define SUPEROPT_COMMAND_H

#include "options.h"

struct command {
    bool answers;         /* a question (--version, -v, -print-*): nothing of ours */
    bool wrapped;         /* -wrapper: the user watches the programs that gcc starts */
    bool only_text;       /* -E, -M, -MM */
    bool only_check;      /* -fsyntax-only */
    bool only_assembly;   /* -S */
    bool lto;             /* the assembler will see no code */
    bool foreign_as;      /* a -B folder holds an assembler: it bypasses ours */
    bool assembler_input; /* hand-written assembly among the inputs */
    bool other_language;  /* not C, C++ or assembly */
    int level;            /* -O; 0 for -Og, -Os, -Oz */
    struct words sources; /* C and C++ inputs, "-" for stdin */
};

/* `words` are expanded, without argv[0] and without our own options. */
struct command read_command(const struct words *words);

#endif
