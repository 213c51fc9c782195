/* superopt-cc, superopt-c++: decide in a millisecond whether a compilation concerns us, then
 * become the real gcc (design 2, 10, 12).
 *
 * Contract: whatever happens here, the real compiler runs with the user's own words; all we ever
 * add is a COMPILER_PATH that puts our `as` and our pragma-hiding `cc1` in front. */
#define _GNU_SOURCE
#include "../common/pragma.h"
#include "../common/record.h"
#include "command.h"
#include "launch.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DEPTH = 3, MAX_LOG = 1 << 20 };

static void warn(const char *what)
{
    fprintf(stderr, "superopt-cc: warning: %s\n", what);
}

/* Take `--superopt-*` words out of `words`; those that are an option's argument stay. */
static struct words take_options(struct words *words)
{
    struct words ours = {0}, rest = {0};
    struct argument argument;
    add_word(&rest, NULL);
    rest.count = 0;
    for (size_t at = 0; at < words->count; at += argument.width) {
        argument = argument_at(words, at);
        bool mine = argument.option && starts_with(words->word[at], "--superopt-");
        for (size_t i = at; i < at + argument.width; i++)
            add_word(mine ? &ours : &rest, words->word[i]);
    }
    *words = rest;
    return ours;
}

/* The C++ driver beside a C driver: gcc-12 -> g++-12. */
static char *cxx_driver(const char *path)
{
    const char *name = base_name(path), *gcc = strstr(name, "gcc");
    if (!gcc)
        return NULL;
    return format("%.*sg++%s", (int)(gcc - path), path, gcc + strlen("gcc"));
}

static char *compiler_named(const char *setting, bool passing_over_wrappers)
{
    if (!strchr(setting, '/'))
        return find_on_path(setting, getenv("PATH"), passing_over_wrappers);
    char *cwd = setting[0] == '/' ? NULL : getcwd(NULL, 0);
    char *path = cwd ? format("%s/%s", cwd, setting) : strdup(setting);
    return path && is_program(path) && !is_ours(path) ? path : NULL;
}

/* The name that stands for a compiler: gcc-12 for links called gcc-12 or superopt-gcc-12. */
static const char *name_called_by(const char *called)
{
    const char *name = starts_with(called, "superopt-") ? called + strlen("superopt-") : called;
    bool own = name != called && (strcmp(name, "cc") == 0 || strcmp(name, "c++") == 0);
    return own ? NULL : name;
}

/* The real compiler: the setting, the name we were called by, or gcc and g++ by name. */
static char *find_compiler(const char *setting, const char *called, bool cxx)
{
    char *found = NULL;
    if (setting && cxx && cxx_driver(setting))
        found = compiler_named(cxx_driver(setting), false);
    if (setting && !found)
        found = compiler_named(setting, false);
    if (setting && !found)
        warn(format("cc = '%s' is no compiler; using the one on PATH", setting));
    if (!found && name_called_by(called))
        found = compiler_named(name_called_by(called), true);
    if (!found)
        found = compiler_named(cxx ? "g++" : "gcc", true);
    if (!found)
        found = compiler_named(cxx ? "c++" : "cc", true);
    return found;
}

static bool is_gcc(const char *compiler)
{
    char real[PATH_MAX];
    return realpath(compiler, real) && !strstr(base_name(real), "clang");
}

/* The folder with our helpers: beside the installed scripts, or in a build folder. */
static char *helpers_near(const char *own)
{
    if (!own)
        return NULL;
    const char *const places[] = {"../libexec/superopt-cc", "."};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char real[PATH_MAX];
        if (is_program(format("%s/%s/shim/as", own, places[i])) &&
            realpath(format("%s/%s", own, places[i]), real))
            return strdup(real);
    }
    return NULL;
}

/* Where our programs are installed, if we run by a hard link that lies elsewhere. */
static char *installed_folder(void)
{
    for (const char *path = getenv("PATH"); path && *path;) {
        int length = (int)strcspn(path, ":");
        char real[PATH_MAX];
        if (same_as_running(format("%.*s/superopt-cc", length, path)) &&
            realpath(format("%.*s/superopt-cc", length, path), real))
            return strndup(real, (size_t)(strrchr(real, '/') - real));
        path += length + (path[length] == ':');
    }
    return NULL;
}

static char *helper_folder(void)
{
    char *found = helpers_near(own_folder());
    return found ? found : helpers_near(installed_folder());
}

/* Stdin is looked at only where reading it takes nothing away from gcc. */
static bool stdin_asks(void)
{
    struct stat status;
    off_t start = lseek(0, 0, SEEK_CUR);
    if (start < 0 || fstat(0, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    struct bytes text = {0};
    bool good = read_descriptor(0, &text);
    return lseek(0, start, SEEK_SET) == start && good && pragma_present(text.data, text.size);
}

static bool sources_ask(const struct words *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct bytes text = {0};
        if (strcmp(sources->word[i], "-") == 0) {
            if (stdin_asks())
                return true;
        } else if (read_file(sources->word[i], &text) && pragma_present(text.data, text.size)) {
            return true;
        }
    }
    return false;
}

/* Why nothing is replaced although functions are selected, or NULL (counted, design 11.3). */
static const char *reason_against(const struct command *command)
{
    if (command->lto)
        return "lto";
    if (command->level < 2)
        return "opt-level";
    if (command->foreign_as)
        return "foreign-assembler";
    return command->assembler_input ? "assembler-input" : NULL;
}

/* Append a line to CACHE/untouched.log (record.py reads it): time, reason, files, folder. */
static void count_untouched(const struct settings *settings, const char *reason, size_t files)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *cwd = getcwd(NULL, 0);
    char *parent = cache && *cache ? strdup(cache) : home ? format("%s/.cache", home) : NULL;
    char *folder = settings->cache_dir ? strdup(settings->cache_dir) : NULL;
    if (!folder && parent && (mkdir(parent, 0777) == 0 || errno == EEXIST))
        folder = format("%s/superopt-cc", parent);
    if (!folder || !cwd)
        return;
    mkdir(folder, 0777);
    char *path = format("%s/untouched.log", folder);
    char *line = format("%lld\t%s\t%zu\t%s\n", (long long)time(NULL), reason, files, cwd);
    struct stat status;
    int afresh = stat(path, &status) == 0 && status.st_size > MAX_LOG ? O_TRUNC : 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | afresh, 0666);
    if (fd >= 0) {
        write_all(fd, line, strlen(line));
        close(fd);
    }
}

/* What gcc changes in its children's environment, as the user has it. */
static void record_environment(struct bytes *record)
{
    static const char *const names[] = {"COMPILER_PATH", "LIBRARY_PATH"};
    struct words entries = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            add_word(&entries, format("%s=%s", names[i], getenv(names[i])));
    record_field(record, "environment", entries.word, entries.count);
}

struct build {
    char *program, *compiler;
    bool cxx;
    struct words argv, options;
};

static bool pass_record(const struct build *build, const struct settings *settings)
{
    struct bytes record = {0};
    char *cwd = getcwd(NULL, 0);
    if (!cwd)
        return false;
    record_begin(&record);
    record_one(&record, "program", build->program);
    record_field(&record, "argv", build->argv.word, build->argv.count);
    record_one(&record, "cwd", cwd);
    record_one(&record, "compiler", build->compiler);
    record_one(&record, "language", build->cxx ? "c++" : "c");
    record_field(&record, "options", build->options.word, build->options.count);
    record_one(&record, "select", settings->select);
    record_environment(&record);
    int fd = record_keep(&record);
    return fd >= 0 && setenv(RECORD_VARIABLE, format("%d", fd), 1) == 0;
}

/* Put our programs in front of gcc's where this compilation needs them. */
static void prepare(const struct build *build, const struct command *command,
                    const struct settings *settings)
{
    bool nothing = command->answers || command->wrapped || command->only_text ||
                   command->other_language || !command->sources.count;
    char *helpers = nothing || !is_gcc(build->compiler) ? NULL : helper_folder();
    if (!helpers)
        return;
    bool asked = strcmp(settings->select, "pragma") != 0 || sources_ask(&command->sources);
    bool assembles = !command->only_assembly && !command->only_check;
    bool replace = asked && assembles && strcmp(settings->mode, "off") != 0;
    const char *against = reason_against(command);
    if (replace && against)
        count_untouched(settings, against, command->sources.count);
    replace = replace && !against && pass_record(build, settings);
    const char *users = getenv("COMPILER_PATH");
    char *path = format("%s%s%s/pragma%s%s", replace ? helpers : "", replace ? "/shim:" : "",
                        helpers, users && *users ? ":" : "", users ? users : "");
    setenv("COMPILER_PATH", path, 1);
}

int main(int argc, char **argv)
{
    const char *called = base_name(argc ? argv[0] : "superopt-cc");
    const char *outer = getenv("_SUPEROPT_DEPTH");
    int depth = outer ? atoi(outer) : 0;
    struct build build = {.program = argc ? argv[0] : "superopt-cc", .cxx = strstr(called, "++")};
    for (int i = 1; i < argc; i++)
        add_word(&build.argv, argv[i]);
    struct words expanded = expand_response_files(&build.argv);
    struct words nested = take_options(&expanded);
    build.options = take_options(&build.argv);
    if (nested.count != build.options.count) { /* ours stand in a response file: gcc gets words */
        build.argv = expanded;
        build.options = nested;
    }
    char *launched = take_compiler(called, &build.argv);
    if (launched) {
        expanded = expand_response_files(&build.argv);
        build.cxx = strstr(base_name(launched), "++");
    }
    struct command command = read_command(&expanded);
    const char *source = command.sources.count ? command.sources.word[0] : NULL;
    struct settings settings = read_settings(&build.options, source);
    build.compiler = launched ? launched : find_compiler(settings.cc, called, build.cxx);
    if (!build.compiler || depth > MAX_DEPTH) {
        fprintf(stderr, "superopt-cc: error: %s: %s; set cc to the path of the real compiler\n",
                build.cxx ? "g++" : "gcc",
                build.compiler ? "leads back to superopt-cc" : "not found on PATH");
        return 127;
    }
    if (depth == 0)
        prepare(&build, &command, &settings);
    setenv("_SUPEROPT_DEPTH", format("%d", depth + 1), 1);
    struct words run = {0};
    add_word(&run, build.compiler);
    for (size_t i = 0; i < build.argv.count; i++)
        add_word(&run, build.argv.word[i]);
    execv(build.compiler, run.word);
    fprintf(stderr, "superopt-cc: error: %s: %s\n", build.compiler, strerror(errno));
    return 126;
}
