/* as: gcc's assembler as far as gcc can tell (design 2).
 *
 * Contract: if a function of the text may be selected, Python is asked for a new text; the real
 * assembler gets that, silently, or else the untouched input by exec, as if we were not here. */
#define _GNU_SOURCE
#include "../common/record.h"
#include "child.h"
#include "programs.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PYTHON_LIMIT = 600, ASSEMBLER_LIMIT = 300 }; /* seconds without a sign of life */

struct assembly {
    char **argv; /* argv[0] is what gcc would say */
    int argc;
    char *program;
    const char *input; /* the operand; NULL for stdin */
};

/* Become the real assembler on the untouched input. */
static void assemble_untouched(const struct assembly *as)
{
    unsetenv(RECORD_VARIABLE);
    execv(as->program, as->argv);
    _exit(1);
}

/* gcc puts the input last; under -pipe there is none. */
static const char *input_operand(int argc, char **argv)
{
    static const char *const with_value[] = {"-o", "-I", "--defsym", "--debug-prefix-map"};
    const char *last = argc > 1 ? argv[argc - 1] : "-";
    if (last[0] == '-')
        return NULL;
    for (size_t i = 0; argc > 2 && i < sizeof with_value / sizeof *with_value; i++)
        if (strcmp(argv[argc - 2], with_value[i]) == 0)
            return NULL;
    return last;
}

/* Put stdin's text where it can be read again: a memory file takes its place. */
static bool keep_stdin(struct bytes *text)
{
    int fd = memory_file("superopt-input");
    bool whole = read_descriptor(0, text);
    if (fd < 0 || !write_all(fd, text->data, text->size) || lseek(fd, 0, SEEK_SET) != 0)
        _exit(1); /* stdin is spent: gcc must see an assembler that failed */
    dup2(fd, 0);
    close(fd);
    return whole;
}

static bool matches(const char *patterns, const char *name, size_t length)
{
    char *function = strndup(name, length), *list = strdup(patterns);
    /* A mangled name holds the source's name, which the patterns mean: let Python see. */
    bool found = starts_with(name, "_Z");
    for (char *pattern = strtok(list, ", "); pattern && !found; pattern = strtok(NULL, ", "))
        found = fnmatch(pattern, function, 0) == 0;
    free(function);
    free(list);
    return found;
}

/* Does the text define a function that may be selected? */
static bool may_select(const char *text, const char *select)
{
    bool any = strcmp(select, "pragma") == 0 || strcmp(select, "all") == 0 ||
               strchr(select, ':') || strchr(select, '?');
    static const char type[] = "\t.type\t", function[] = ", @function";
    for (const char *at = strstr(text, type); at; at = strstr(at, type)) {
        at += strlen(type);
        size_t length = strcspn(at, ",\n");
        if (starts_with(at + length, function) && (any || matches(select, at, length)))
            return true;
    }
    return false;
}

/* The Python that this installation belongs to: a virtual environment's own, else the one that
 * the `superopt` script names in its first line.  `*isolated` is false where the user's site
 * folder may hold us. */
static char *find_python(bool *isolated)
{
    char *own = own_folder();
    char *prefix = own ? format("%s/../../..", own) : NULL;
    *isolated = true;
    if (prefix && access(format("%s/pyvenv.cfg", prefix), R_OK) == 0)
        return format("%s/bin/python3", prefix);
    *isolated = false;
    struct bytes script = {0};
    append(&script, "", 0);
    if (!prefix || !read_file(format("%s/bin/superopt", prefix), &script))
        return NULL;
    /* Long interpreters are written as: #!/bin/sh, then '''exec' /long/python "$0" "$@" */
    char *line = starts_with(script.data, "#!/bin/sh\n") ? strstr(script.data, "'''exec' ") : NULL;
    line = line ? line + strlen("'''exec' ") : script.data + strspn(script.data, "#! ");
    line += *line == '"';
    return strndup(line, strcspn(line, "\"\n \r"));
}

/* Python sees the environment that the user gave gcc, plus the job. */
static char **python_environment(const struct bytes *record, int job)
{
    static const char *const gccs[] = {"COMPILER_PATH", "LIBRARY_PATH", "COLLECT_GCC",
                                       "COLLECT_GCC_OPTIONS", RECORD_VARIABLE, "_SUPEROPT_DEPTH"};
    for (size_t i = 0; i < sizeof gccs / sizeof *gccs; i++)
        unsetenv(gccs[i]);
    const char *entry;
    for (size_t i = 0; (entry = record_item(record, "environment", i)); i++)
        putenv((char *)entry);
    setenv(JOB_VARIABLE, format("%d", job), 1);
    return environ;
}

/* Ask Python; true if `result` then holds a new text.  Changes the environment. */
static bool ask_python(const struct assembly *as, struct bytes *record, const struct bytes *text,
                       int result)
{
    int alive[2], input = memory_file("superopt-text"), null = open("/dev/null", O_RDWR);
    bool isolated;
    char *python = find_python(&isolated);
    if (!python || !is_program(python) || input < 0 || null < 0 || pipe(alive) != 0 ||
        !write_all(input, text->data, text->size))
        return false;
    fcntl(alive[0], F_SETFD, FD_CLOEXEC);
    fcntl(alive[1], F_SETFL, O_NONBLOCK);
    record_field(record, "as-argv", as->argv + 1, (size_t)as->argc - 1);
    record_one(record, "assembler", as->program);
    record_one(record, "text", format("%d", input));
    record_one(record, "result", format("%d", result));
    record_one(record, "alive", format("%d", alive[1]));
    int job = record_keep(record);
    if (job < 0)
        return false;
    const char *limit = getenv("_SUPEROPT_LIMIT"); /* tests do not wait for ten minutes */
    char *whole[] = {python, "-I", "-m", "superopt_cc.driver.assemble", NULL};
    char *shared[] = {python, "-E", "-P", "-m", "superopt_cc.driver.assemble", NULL};
    struct child child = {
        .program = python,
        .argv = isolated ? whole : shared,
        .environment = python_environment(record, job),
        .input = null,
        .output = null,
        .errors = isatty(2) ? 2 : null, /* our lines are for terminals only */
        .alive = alive[0],
        .seconds = limit ? atoi(limit) : PYTHON_LIMIT,
    };
    int status = run_child(&child);
    close(alive[0]);
    close(alive[1]);
    close(input);
    close(job);
    close(null);
    struct stat made;
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
           fstat(result, &made) == 0 && made.st_size > 0;
}

/* Assemble the new text; false if the assembler fails or says anything at all. */
static bool assemble_result(const struct assembly *as, int result)
{
    int said = memory_file("superopt-said");
    char **argv = malloc(((size_t)as->argc + 1) * sizeof *argv);
    if (said < 0 || !argv || lseek(result, 0, SEEK_SET) != 0)
        return false;
    memcpy(argv, as->argv, ((size_t)as->argc + 1) * sizeof *argv);
    if (as->input)
        argv[as->argc - 1] = NULL; /* the operand is last; without it stdin is assembled */
    struct child child = {
        .program = as->program,
        .argv = argv,
        .environment = environ,
        .input = result,
        .output = said,
        .errors = said,
        .alive = -1,
        .seconds = ASSEMBLER_LIMIT,
    };
    int status = run_child(&child);
    struct stat words;
    bool silent = fstat(said, &words) == 0 && words.st_size == 0;
    close(said);
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && silent;
}

int main(int argc, char **argv)
{
    const char *word0 = NULL;
    struct assembly as = {.argv = argv, .argc = argc, .input = input_operand(argc, argv)};
    as.program = real_assembler(&word0);
    if (!as.program) {
        static const char message[] = "superopt-cc: error: as: not found; install binutils\n";
        write_all(2, message, sizeof message - 1);
        return 1;
    }
    argv[0] = (char *)word0;
    struct bytes record = {0}, text = {0};
    append(&text, "", 0);
    if (!record_read(getenv(RECORD_VARIABLE), &record))
        assemble_untouched(&as);
    bool whole = as.input ? read_file(as.input, &text) : keep_stdin(&text);
    const char *select = record_item(&record, "select", 0);
    /* Link-time code has neither source nor flags at hand (counted as `lto` by nobody: it never
     * was ours): its text says so. */
    bool link_time = starts_with(text.data, "\t.file\t\"<artificial>\"");
    if (!whole || link_time || !select || !may_select(text.data, select))
        assemble_untouched(&as);
    int result = memory_file("superopt-result");
    if (result >= 0 && ask_python(&as, &record, &text, result) && assemble_result(&as, result))
        return 0;
    if (!as.input)
        lseek(0, 0, SEEK_SET);
    assemble_untouched(&as);
}
