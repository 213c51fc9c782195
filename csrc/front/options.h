/* gcc's command line, read with the one option table (superopt_cc/toolchain/options.tsv). */
#ifndef SUPEROPT_OPTIONS_H
#define SUPEROPT_OPTIONS_H

#include "../common/text.h"

enum option_argument { TAKES_NONE, TAKES_JOINED, TAKES_SEPARATE, TAKES_EITHER };

/* The classes that the front door decides by; the rest is `CLASS_OTHER`. */
enum option_class {
    CLASS_OTHER,
    CLASS_INFO,
    CLASS_MODE,
    CLASS_OPT_LEVEL,
    CLASS_LTO,
    CLASS_LANGUAGE,
    CLASS_PREFIX,
    CLASS_WRAPPER
};

struct option {
    const char *spelling;
    enum option_argument argument;
    enum option_class class;
};

/* The rows in strcmp order (made by hatch_build.py). */
extern const struct option option_table[];
extern const size_t option_count;

struct words {
    char **word;
    size_t count;
};

void add_word(struct words *words, char *word);

/* One step over a command line: an option with its argument, or an input (option NULL).
 * `width` is the number of words. */
struct argument {
    const struct option *option;
    bool negated;
    const char *value;
    size_t width;
};

struct argument argument_at(const struct words *words, size_t at);

/* `words` with each @file replaced by its words, as gcc does. */
struct words expand_response_files(const struct words *words);

#endif
