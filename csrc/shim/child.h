/* Running a child under our eyes: Python for the new text, the assembler for trying it. */
#ifndef SUPEROPT_CHILD_H
#define SUPEROPT_CHILD_H

#include "../common/text.h"

struct child {
    const char *program;
    char *const *argv;
    char *const *environment;
    int input, output, errors; /* descriptors for 0, 1 and 2 */
    int alive;                 /* readable end of a pipe: a byte restarts the limit; or -1 */
    int seconds;               /* limit */
};

/* Run a child in a process group of its own to its end: its wait status, or -1 if it could not be
 * started or passed the limit.  What is left of its group is killed.  SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT end the group and then this process, by that signal; a stop (Ctrl-Z) stops both. */
int run_child(const struct child *child);

#endif
