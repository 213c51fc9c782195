/* cc1, cc1plus: the real one, reading its files through superopt-pragma.so (design 2).
 *
 * Under -E nothing is preloaded: preprocessed text is gcc's own. */
#define _GNU_SOURCE
#include "../common/text.h"
#include "programs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void preload(void)
{
    char *folder = own_folder();
    char *library = folder ? format("%s/superopt-pragma.so", folder) : NULL;
    /* ld.so splits the list at blanks and colons, and complains about files that are not there. */
    if (!library || strpbrk(library, " :") || access(library, R_OK) != 0)
        return;
    const char *users = getenv("LD_PRELOAD");
    setenv("LD_PRELOAD", users && *users ? format("%s:%s", library, users) : library, 1);
}

int main(int argc, char **argv)
{
    const char *name = base_name(argc ? argv[0] : "cc1");
    char *real = real_cc1(name);
    if (!real) {
        fprintf(stderr, "superopt-cc: error: the real %s was not found\n", name);
        return 1;
    }
    bool text_only = false;
    for (int i = 1; i < argc; i++)
        text_only = text_only || strcmp(argv[i], "-E") == 0;
    if (!text_only)
        preload();
    argv[0] = real;
    execv(real, argv);
    fprintf(stderr, "superopt-cc: error: %s: %s\n", real, strerror(errno));
    return 1;
}
