#define _GNU_SOURCE
#include "command.h"

#include <stdlib.h>
#include <string.h>

enum language { LANGUAGE_BY_NAME, LANGUAGE_C, LANGUAGE_ASSEMBLER, LANGUAGE_OTHER, LANGUAGE_NONE };

static bool among(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

static enum language named_language(const char *name)
{
    static const char *const c[] = {
        "c", "c-header", "cpp-output", "c++", "c++-header", "c++-system-header",
        "c++-user-header", "c++-cpp-output", NULL,
    };
    if (!name || strcmp(name, "none") == 0)
        return LANGUAGE_BY_NAME;
    if (among(name, c))
        return LANGUAGE_C;
    return starts_with(name, "assembler") ? LANGUAGE_ASSEMBLER : LANGUAGE_OTHER;
}

static enum language file_language(const char *path)
{
    static const char *const c[] = {
        ".c", ".i",  ".ii",  ".cc",  ".cp",  ".cxx", ".cpp", ".CPP", ".c++", ".C",   ".h",
        ".hh", ".hp", ".hxx", ".hpp", ".HPP", ".h++", ".H",   ".tcc", NULL,
    };
    static const char *const assembler[] = {".s", ".S", ".sx", NULL};
    static const char *const other[] = {
        ".m",   ".mi",  ".mm",  ".M",   ".mii", ".f",   ".for", ".ftn", ".F",   ".FOR",
        ".fpp", ".FPP", ".FTN", ".f90", ".f95", ".f03", ".f08", ".F90", ".F95", ".F03",
        ".F08", ".go",  ".d",   ".di",  ".dd",  ".ads", ".adb", ".brig", NULL,
    };
    const char *dot = strrchr(base_name(path), '.');
    if (!dot)
        return LANGUAGE_NONE;
    if (among(dot, c))
        return LANGUAGE_C;
    if (among(dot, assembler))
        return LANGUAGE_ASSEMBLER;
    return among(dot, other) ? LANGUAGE_OTHER : LANGUAGE_NONE;
}

static int level_of(const char *text)
{
    if (!*text)
        return 1;
    return strcmp(text, "fast") == 0 ? 3 : atoi(text);
}

static bool holds_assembler(const char *prefix)
{
    return is_program(format("%s/as", prefix)) || is_program(format("%sas", prefix));
}

static void read_mode(struct command *command, const char *spelling)
{
    static const char *const text[] = {
        "-E", "-M", "-MM", "--preprocess", "--dependencies", "--user-dependencies", NULL,
    };
    if (among(spelling, text))
        command->only_text = true;
    else if (strcmp(spelling, "-S") == 0 || strcmp(spelling, "--assemble") == 0)
        command->only_assembly = true;
    else if (strcmp(spelling, "-fsyntax-only") == 0)
        command->only_check = true;
}

static void read_input(struct command *command, enum language language, const char *path)
{
    if (language == LANGUAGE_BY_NAME)
        language = file_language(path);
    if (language == LANGUAGE_C)
        add_word(&command->sources, (char *)path);
    command->assembler_input |= language == LANGUAGE_ASSEMBLER;
    command->other_language |= language == LANGUAGE_OTHER;
}

struct command read_command(const struct words *words)
{
    struct command command = {0};
    enum language language = LANGUAGE_BY_NAME;
    struct argument argument;
    for (size_t at = 0; at < words->count; at += argument.width) {
        argument = argument_at(words, at);
        const char *value = argument.value ? argument.value : "";
        if (!argument.option) {
            read_input(&command, language, value);
            continue;
        }
        switch (argument.option->class) {
        case CLASS_INFO:
            command.answers = true;
            break;
        case CLASS_MODE:
            read_mode(&command, argument.option->spelling);
            break;
        case CLASS_OPT_LEVEL:
            command.level = level_of(value);
            break;
        case CLASS_LTO:
            command.lto = !argument.negated;
            break;
        case CLASS_LANGUAGE:
            if (strcmp(argument.option->spelling, "-x") == 0 ||
                starts_with(argument.option->spelling, "--language"))
                language = named_language(argument.value);
            break;
        case CLASS_PREFIX:
            command.foreign_as |= holds_assembler(value);
            break;
        case CLASS_WRAPPER:
            command.wrapped = true;
            break;
        case CLASS_OTHER:
            break;
        }
    }
    return command;
}
