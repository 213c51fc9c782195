/* The real program behind one of our shims, in gcc's own search order. */
#ifndef SUPEROPT_PROGRAMS_H
#define SUPEROPT_PROGRAMS_H

/* The assembler: in the rest of COMPILER_PATH, where gcc keeps one of its own, or on PATH.
 * `*word0` becomes the argv[0] that gcc would give it.  NULL if there is none. */
char *real_assembler(const char **word0);

/* cc1 or cc1plus: in the rest of COMPILER_PATH, else where the running gcc keeps its own. */
char *real_cc1(const char *name);

#endif
