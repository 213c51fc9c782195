#define _GNU_SOURCE
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const char *wrong_seconds(const char *value)
{
    char *end;
    double seconds = strtod(value, &end);
    bool right = end != value && !end[strspn(end, " \t")] && seconds >= 0 && seconds <= 86400;
    return right ? NULL : "must be seconds between 0 and 86400";
}

static bool whole(const char *value, long low, long high)
{
    size_t digits = strspn(value, "0123456789");
    long number = strtol(value, NULL, 10);
    return digits && !value[digits] && number >= low && number <= high;
}

static const char *wrong_samples(const char *value)
{
    return whole(value, 1, 64) ? NULL : "must be a whole number between 1 and 64";
}

static const char *wrong_rounds(const char *value)
{
    return whole(value, 0, 16) ? NULL : "must be a whole number between 0 and 16";
}

static const char *wrong_size(const char *value)
{
    static const char units[] = "kmgt";
    char *end;
    double size = strtod(value, &end);
    bool right = end != value;
    end += strspn(end, " ");
    const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
    for (const char *at = units; unit && at <= unit; at++)
        size *= 1000;
    if (unit)
        end++;
    right &= !end[strspn(end, "iIbB ")] && size >= 1e6;
    return right ? NULL : "must be a size of at least 1 MB, such as 500MB or 1GB";
}

static const char *wrong_selection(const char *value)
{
    if (strstr(value, "profile:"))
        return "profiles cannot be read by this version; name the functions instead";
    return value[strspn(value, " ,")]
               ? NULL
               : "must be pragma, all, profile:FILE or patterns of function names";
}

/* Every setting of design 10; the values allowed where they are words, or what is wrong with a
 * value; settings.py reads them all again and has the same limits. */
static const struct {
    const char *name, *values;
    const char *(*wrong)(const char *value);
} known[] = {
    {"mode", "off use queue now", NULL},
    {"select", NULL, wrong_selection},
    {"isa", "match x86-64-v2 x86-64-v3 x86-64-v4 native", NULL},
    {"require", "tested shadowed bounded proved compiled", NULL},
    {"accept", "faster verified", NULL},
    {"budget", NULL, wrong_seconds},
    {"model_budget", NULL, wrong_seconds},
    {"proposers", NULL, NULL},
    {"model", NULL, NULL},
    {"samples", NULL, wrong_samples},
    {"rounds", NULL, wrong_rounds},
    {"surface", "auto c asm", NULL},
    {"prompts", NULL, NULL},
    {"grammar", "off on", NULL},
    {"cc", NULL, NULL},
    {"cache_dir", NULL, NULL},
    {"cache_size", NULL, wrong_size},
    {"log", NULL, NULL},
    {"progress", "auto on off", NULL},
};

struct reading {
    struct settings settings;
    char *problem; /* the first one */
};

static void complain(struct reading *reading, char *problem)
{
    if (!reading->problem)
        reading->problem = problem;
}

static bool one_of(const char *value, const char *values)
{
    size_t length = strlen(value);
    for (const char *at = values; length && (at = strstr(at, value)); at++)
        if ((at == values || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* One setting by its plain name; `written` is how the user spells it. */
static void take(struct reading *reading, const char *from, const char *name, const char *written,
                 const char *value)
{
    size_t row = 0, rows = sizeof known / sizeof *known;
    while (row < rows && strcmp(known[row].name, name) != 0)
        row++;
    if (row == rows) {
        complain(reading, format("%s: unknown setting %s", from, written));
        return;
    }
    if (known[row].values && !one_of(value, known[row].values)) {
        complain(reading,
                 format("%s: %s = '%s': must be one of: %s", from, written, value,
                        known[row].values));
        return;
    }
    const char *wrong = known[row].wrong ? known[row].wrong(value) : NULL;
    if (wrong) {
        complain(reading, format("%s: %s = '%s': %s", from, written, value, wrong));
        return;
    }
    if (strcmp(name, "mode") == 0)
        reading->settings.mode = value;
    else if (strcmp(name, "select") == 0)
        reading->settings.select = *value ? value : "?";
    else if (strcmp(name, "cc") == 0)
        reading->settings.cc = *value ? value : NULL;
    else if (strcmp(name, "cache_dir") == 0)
        reading->settings.cache_dir = *value ? value : NULL;
}

/* A lower-case copy with `from` replaced by '_'. */
static char *plain_name(const char *text, char from)
{
    char *name = strdup(text);
    for (char *c = name; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
        if (*c == from)
            *c = '_';
    }
    return name;
}

static const char *skip_space(const char *at, bool lines)
{
    for (;;) {
        while (*at == ' ' || *at == '\t' || *at == '\r' || (lines && *at == '\n'))
            at++;
        if (!lines || *at != '#')
            return at;
        at = strchrnul(at, '\n');
    }
}

/* Append a string or bare value at `at`; the place behind it, NULL for TOML that Python reads. */
static const char *read_value(const char *at, struct bytes *value)
{
    char quote = *at;
    if (quote == '"' || quote == '\'') {
        const char *end = strchrnul(at + 1, quote);
        bool hard = !*end || memchr(at, '\n', (size_t)(end - at)) || end[1] == quote ||
                    (quote == '"' && memchr(at, '\\', (size_t)(end - at)));
        if (hard)
            return NULL;
        append(value, at + 1, (size_t)(end - at - 1));
        return end + 1;
    }
    size_t length = strcspn(at, " \t\r\n,]#[{");
    append(value, at, length);
    return length ? at + length : NULL;
}

static const char *read_array(const char *at, struct bytes *value)
{
    for (at = skip_space(at + 1, true); at && *at && *at != ']'; at = skip_space(at, true)) {
        if (value->size)
            append(value, ",", 1);
        at = read_value(at, value);
        if (!at)
            return NULL;
        at = skip_space(at, true);
        if (*at == ',')
            at++;
        else if (*at != ']')
            return NULL;
    }
    return at && *at ? at + 1 : NULL;
}

/* Flat `key = value` lines; the rest of a file that is harder than that is Python's. */
static void read_toml(struct reading *reading, const char *path, const char *text)
{
    const char *at = skip_space(text, true);
    while (*at && *at != '[') {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        char *name = strndup(at, length);
        at = skip_space(at + length, false);
        struct bytes value = {0};
        append(&value, "", 0);
        if (!name || !length || *at != '=')
            return;
        at = skip_space(at + 1, false);
        at = *at == '[' ? read_array(at, &value) : read_value(at, &value);
        if (!at) {
            if (strcmp(name, "select") == 0)
                reading->settings.select = "?";
            return;
        }
        take(reading, path, name, name, value.data);
        at = skip_space(at, true);
    }
}

static void read_settings_file(struct reading *reading, const char *path)
{
    struct bytes text = {0};
    append(&text, "", 0);
    if (read_file(path, &text))
        read_toml(reading, path, text.data);
}

/* The superopt.toml of the repository (up to a .git) around `folder`, else of `folder` alone;
 * settings.py looks in the same places. */
static char *tree_file(char *folder)
{
    char *file = format("%s/superopt.toml", folder);
    char *alone = access(file, R_OK) == 0 ? file : NULL, *nearest = alone;
    for (;;) {
        if (access(format("%s/.git", folder), F_OK) == 0)
            return nearest;
        char *slash = strrchr(folder, '/');
        if (!slash)
            return alone;
        *slash = '\0';
        file = format("%s/superopt.toml", folder);
        if (!nearest && access(file, R_OK) == 0)
            nearest = file;
    }
}

static char *source_folder(const char *source)
{
    const char *slash = source ? strrchr(source, '/') : NULL;
    if (slash && source[0] == '/')
        return strndup(source, (size_t)(slash - source));
    char *cwd = getcwd(NULL, 0);
    if (!cwd || !slash)
        return cwd;
    return format("%s/%.*s", cwd, (int)(slash - source), source);
}

struct settings read_settings(const struct words *options, const char *source)
{
    struct reading reading = {.settings = {"now", "pragma", NULL, NULL}};
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        read_settings_file(&reading, format("%s/superopt-cc/config.toml", config));
    else if (home)
        read_settings_file(&reading, format("%s/.config/superopt-cc/config.toml", home));
    char *folder = source_folder(source);
    char *file = folder ? tree_file(folder) : NULL;
    if (file)
        read_settings_file(&reading, file);
    for (char **entry = environ; *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals || !starts_with(*entry, "SUPEROPT_") ||
            starts_with(*entry, "SUPEROPT_API_KEY="))
            continue;
        char *written = strndup(*entry, (size_t)(equals - *entry));
        char *name = plain_name(written + strlen("SUPEROPT_"), '_');
        take(&reading, "environment", name, written, equals + 1);
    }
    for (size_t i = 0; i < options->count; i++) {
        const char *word = options->word[i], *equals = strchrnul(word, '=');
        char *written = strndup(word, (size_t)(equals - word));
        char *name = plain_name(written + strlen("--superopt-"), '-');
        if (*equals)
            take(&reading, "option", name, written, equals + 1);
        else
            complain(&reading, format("option: %s needs a value", written));
    }
    if (reading.problem)
        fprintf(stderr, "superopt-cc: warning: %s\n", reading.problem);
    return reading.settings;
}
