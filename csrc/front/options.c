#define _GNU_SOURCE
#include "options.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RESPONSE_FILES = 2000 }; /* libiberty's own limit */

void add_word(struct words *words, char *word)
{
    char **grown = realloc(words->word, (words->count + 2) * sizeof *grown);
    if (!grown)
        abort();
    words->word = grown;
    words->word[words->count++] = word;
    words->word[words->count] = NULL;
}

/* The row whose spelling is the first `length` bytes of `word`. */
static const struct option *row_of(const char *word, size_t length)
{
    size_t low = 0, high = option_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *spelling = option_table[middle].spelling;
        int order = strncmp(spelling, word, length);
        if (order == 0)
            order = spelling[length] != '\0';
        if (order == 0)
            return &option_table[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The longest spelling that `word` is, or begins with and may be joined to. */
static const struct option *matching(const char *word)
{
    size_t whole = strlen(word);
    for (size_t length = whole; length > 0; length--) {
        const struct option *row = row_of(word, length);
        if (row && (length == whole || row->argument == TAKES_JOINED ||
                    row->argument == TAKES_EITHER))
            return row;
    }
    return NULL;
}

struct argument argument_at(const struct words *words, size_t at)
{
    const char *word = words->word[at];
    struct argument found = {.width = 1};
    if (word[0] != '-' || word[1] == '\0') {
        found.value = word;
        return found;
    }
    found.option = matching(word);
    if (!found.option && starts_with(word, "-fno-")) {
        char *positive = format("-f%s", word + strlen("-fno-"));
        found.option = matching(positive);
        found.negated = true;
        free(positive);
    }
    static const struct option unknown = {"", TAKES_NONE, CLASS_OTHER};
    if (!found.option) {
        found.option = &unknown;
        return found;
    }
    const char *rest = found.negated ? "" : word + strlen(found.option->spelling);
    bool next = found.option->argument == TAKES_SEPARATE ||
                (found.option->argument == TAKES_EITHER && !*rest);
    found.value = next ? words->word[at + 1] : rest;
    if (next && found.value)
        found.width = 2;
    return found;
}

/* Split as libiberty does: blanks separate, quotes and backslashes protect. */
static void split_words(const char *text, struct words *into)
{
    struct bytes word = {0};
    char quote = 0;
    bool started = false;
    for (;; text++) {
        char c = *text;
        bool space = c == '\0' || strchr(" \t\n\v\f\r", c);
        if (c == '\0' || (space && !quote)) {
            if (started)
                add_word(into, word.data);
            word = (struct bytes){0};
            started = false;
            if (c == '\0')
                return;
            continue;
        }
        if (!started)
            append(&word, "", 0);
        started = true;
        if (c == '\\' && text[1])
            append(&word, ++text, 1);
        else if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? 0 : c;
        else if (c != '\\')
            append(&word, text, 1);
    }
}

struct words expand_response_files(const struct words *words)
{
    struct words done = {0};
    int files = 0;
    struct words rest = *words;
    for (size_t at = 0; at < rest.count; at++) {
        char *word = rest.word[at];
        struct bytes text = {0};
        append(&text, "", 0);
        if (word[0] != '@' || files >= MAX_RESPONSE_FILES || !read_file(word + 1, &text)) {
            add_word(&done, word);
            continue;
        }
        files++;
        struct words opened = {0};
        split_words(text.data, &opened);
        for (size_t i = at + 1; i < rest.count; i++)
            add_word(&opened, rest.word[i]);
        rest = opened;
        at = (size_t)-1; /* go on with the file's first word */
    }
    if (!done.word)
        add_word(&done, NULL), done.count = 0;
    return done;
}
