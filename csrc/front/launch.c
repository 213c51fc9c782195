#define _GNU_SOURCE
#include "launch.h"

#include "../common/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is `name` that of a compiler: MACHINE-gcc-VERSION, machine and version left out or not? */
static bool names_compiler(const char *name)
{
    static const char *const kinds[] = {"gcc", "g++", "cc", "c++", "clang", "clang++"};
    size_t length = strlen(name), version = 0;
    while (version < length && strchr("0123456789.", name[length - version - 1]))
        version++;
    if (version && version < length && name[length - version - 1] == '-')
        length -= version + 1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t kind = strlen(kinds[i]);
        bool ends = length >= kind && memcmp(name + length - kind, kinds[i], kind) == 0;
        if (ends && (length == kind || name[length - kind - 1] == '-'))
            return true;
    }
    return false;
}

/* The absolute path of the program that a word means, our own passed over; NULL where the word is
 * a file that gcc would read. */
static char *program_called(const char *word, bool passing_over_wrappers)
{
    const char *name = base_name(word);
    struct stat status;
    if (name == word && stat(word, &status) == 0 && S_ISREG(status.st_mode))
        return NULL;
    if (name != word && !is_program(word))
        return NULL;
    if (name == word || is_ours(word) || (passing_over_wrappers && is_wrapper(word)))
        return find_on_path(name, getenv("PATH"), passing_over_wrappers);
    char *cwd = word[0] == '/' ? NULL : getcwd(NULL, 0);
    return cwd ? format("%s/%s", cwd, word) : strdup(word);
}

char *take_compiler(const char *called, struct words *words)
{
    size_t at = 0;
    if (strcmp(called, "superopt-cc") != 0 && strcmp(called, "superopt-c++") != 0)
        return NULL;
    /* A cache before the compiler would keep what it knows nothing of. */
    while (at + 1 < words->count && words->word[at][0] != '-') {
        char *program = program_called(words->word[at], false);
        if (!program || !is_wrapper(program) || names_compiler(base_name(words->word[at])))
            break;
        at++;
    }
    if (at >= words->count || !names_compiler(base_name(words->word[at])))
        return NULL;
    char *compiler = program_called(words->word[at], true);
    if (!compiler)
        return NULL;
    words->word += at + 1;
    words->count -= at + 1;
    return compiler;
}
