#define _GNU_SOURCE
#include "programs.h"

#include "../common/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* PREFIX/bin/MACHINE-gcc-VERSION, as Debian and GNU install it, has its cc1 in
 * PREFIX/lib/gcc/MACHINE/VERSION or PREFIX/libexec/...: saves asking. */
static char *beside(const char *gcc, const char *name)
{
    static const char *const folders[] = {"libexec", "lib"};
    char real[PATH_MAX];
    if (!realpath(gcc, real))
        return NULL;
    const char *called = base_name(real);
    const char *driver = strstr(called, "-gcc-");
    if (!driver)
        driver = strstr(called, "-g++-");
    if (!driver)
        return NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = format("%.*s../%s/gcc/%.*s/%s/%s", (int)(called - real), real, folders[i],
                            (int)(driver - called), called, driver + strlen("-gcc-"), name);
        char *plain = realpath(path, NULL);
        if (plain && is_program(plain))
            return plain;
    }
    return NULL;
}

/* What gcc itself says, if that is a path; asked so that it does not find us again.
 * COLLECT_GCC is its own argv[0], which the front door made absolute. */
static char *ask(const char *gcc, const char *name)
{
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        unsetenv("COMPILER_PATH");
        execl(gcc, gcc, format("-print-prog-name=%s", name), (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct bytes said = {0};
    append(&said, "", 0);
    read_descriptor(ends[0], &said);
    close(ends[0]);
    int status;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    said.data[strcspn(said.data, "\n")] = '\0';
    return said.data[0] == '/' && is_program(said.data) ? said.data : NULL;
}

char *real_assembler(const char **word0)
{
    const char *gcc = getenv("COLLECT_GCC");
    char *found = find_on_path("as", getenv("COMPILER_PATH"), false);
    if (!found && gcc)
        found = ask(gcc, "as");
    *word0 = found;
    if (!found) {
        found = find_on_path("as", getenv("PATH"), false);
        *word0 = "as";
    }
    return found;
}

char *real_cc1(const char *name)
{
    char *found = find_on_path(name, getenv("COMPILER_PATH"), false);
    const char *gcc = getenv("COLLECT_GCC");
    if (!found && gcc)
        found = beside(gcc, name);
    if (!found && gcc)
        found = ask(gcc, name);
    return found;
}
