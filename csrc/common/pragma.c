#define _GNU_SOURCE
#include "pragma.h"

#include <string.h>

struct lexer {
    const char *text;
    size_t size, at;
};

struct word {
    const char *start;
    size_t length;
};

/* The macros of wrappers/superopt.h; driver/lexer.py knows the same names. */
static const char *const macros[] = {
    "SUPEROPT", "SUPEROPT_OFF", "SUPEROPT_ON", "SUPEROPT_FUNCTIONS", "SUPEROPT_WITH",
};

static bool is(struct word word, const char *name)
{
    return word.length == strlen(name) && memcmp(word.start, name, word.length) == 0;
}

static int byte_at(const struct lexer *lexer, size_t at)
{
    return at < lexer->size ? (unsigned char)lexer->text[at] : -1;
}

static bool blank(int c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\r';
}

static bool digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool name_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digit(c) || c == '_' || c == '$' ||
           c >= 0x80;
}

/* Step over line continuations: a backslash (or its trigraph), blanks and a newline. */
static void join_lines(struct lexer *lexer)
{
    for (;;) {
        size_t at = lexer->at;
        if (byte_at(lexer, at) == '\\')
            at++;
        else if (byte_at(lexer, at) == '?' && byte_at(lexer, at + 1) == '?' &&
                 byte_at(lexer, at + 2) == '/')
            at += 3;
        else
            return;
        while (blank(byte_at(lexer, at)))
            at++;
        if (byte_at(lexer, at) != '\n')
            return;
        lexer->at = at + 1;
    }
}

/* The next byte after continuations, -1 at the end. */
static int peek(struct lexer *lexer)
{
    join_lines(lexer);
    return byte_at(lexer, lexer->at);
}

static int peek_second(const struct lexer *lexer)
{
    struct lexer ahead = *lexer;
    ahead.at++;
    return peek(&ahead);
}

/* A comment that starts here is stepped over; `*closed` becomes false if it never ends. */
static bool skip_comment(struct lexer *lexer, bool *closed)
{
    if (peek(lexer) != '/')
        return false;
    int second = peek_second(lexer);
    if (second != '/' && second != '*')
        return false;
    lexer->at++;
    peek(lexer);
    lexer->at++;
    int last = 0;
    for (;;) {
        int c = peek(lexer);
        if (c < 0) {
            *closed = second == '/';
            return true;
        }
        if (second == '/' && c == '\n')
            return true;
        lexer->at++;
        if (second == '*' && last == '*' && c == '/')
            return true;
        last = c;
    }
}

/* Step over a string or character constant; an unclosed one ends with its line. */
static void skip_quoted(struct lexer *lexer)
{
    int quote = peek(lexer);
    lexer->at++;
    for (;;) {
        int c = peek(lexer);
        if (c < 0 || c == '\n')
            return;
        lexer->at++;
        if (c == quote)
            return;
        if (c == '\\' && peek(lexer) >= 0 && peek(lexer) != '\n')
            lexer->at++;
    }
}

/* Step over R"tag(...)tag" from its quote; a malformed one is stepped over as a plain string.
 * An unclosed one takes the rest of the text: nothing in it is ours. */
static void skip_raw(struct lexer *lexer)
{
    const char *tag = lexer->text + lexer->at + 1;
    size_t length = 0;
    for (;; length++) {
        int c = byte_at(lexer, lexer->at + 1 + length);
        if (c == '(')
            break;
        if (c < 0 || c == '\n' || c == ')' || c == '\\' || c == '"' || blank(c) || length > 16) {
            skip_quoted(lexer);
            return;
        }
    }
    for (size_t at = lexer->at + length + 2; at + length + 1 < lexer->size; at++) {
        if (lexer->text[at] == ')' && memcmp(lexer->text + at + 1, tag, length) == 0 &&
            lexer->text[at + 1 + length] == '"') {
            lexer->at = at + length + 2;
            return;
        }
    }
    lexer->at = lexer->size;
}

/* A name; one that is split over lines is no name of ours and comes back cut. */
static struct word read_name(struct lexer *lexer)
{
    peek(lexer);
    struct word word = {lexer->text + lexer->at, 0};
    while (name_byte(byte_at(lexer, lexer->at))) {
        lexer->at++;
        word.length++;
    }
    return word;
}

/* Numbers hold letters, points, signs after exponents, and digit separators (1'000). */
static void skip_number(struct lexer *lexer)
{
    int last = 0;
    for (;;) {
        int c = peek(lexer);
        bool sign = (c == '+' || c == '-') && (last | 0x20) == 'e';
        bool exponent = (c == '+' || c == '-') && (last | 0x20) == 'p';
        bool separator = c == '\'' && name_byte(peek_second(lexer));
        if (!(c == '.' || name_byte(c) || sign || exponent || separator))
            return;
        last = c;
        lexer->at++;
    }
}

static bool raw_prefix(struct word word)
{
    return is(word, "R") || is(word, "u8R") || is(word, "uR") || is(word, "UR") || is(word, "LR");
}

static void skip_blanks(struct lexer *lexer, bool *closed)
{
    while (blank(peek(lexer)))
        lexer->at++;
    while (skip_comment(lexer, closed))
        while (blank(peek(lexer)))
            lexer->at++;
}

/* From the # of a directive: is it ours, and where does it end?  The lexer moves behind the #
 * of a foreign directive, to the newline that ends one of ours. */
static bool our_directive(struct lexer *lexer)
{
    bool closed = true;
    struct lexer ahead = *lexer;
    ahead.at++;
    skip_blanks(&ahead, &closed);
    bool ours = is(read_name(&ahead), "pragma");
    skip_blanks(&ahead, &closed);
    ours = ours && is(read_name(&ahead), "superopt");
    if (!ours) {
        lexer->at++;
        return false;
    }
    for (int c = peek(&ahead); c >= 0 && c != '\n'; c = peek(&ahead)) {
        if (skip_comment(&ahead, &closed))
            continue;
        if (c == '"' || c == '\'')
            skip_quoted(&ahead);
        else
            ahead.at++;
    }
    lexer->at = ahead.at;
    return closed; /* gcc must still see the comment that never ends */
}

static void skip_word(struct lexer *lexer, bool *macro)
{
    struct word word = read_name(lexer);
    if (peek(lexer) == '"' && raw_prefix(word)) {
        skip_raw(lexer);
        return;
    }
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        *macro = *macro || is(word, macros[i]);
}

/* Walk over the text: blank our pragmas in `writable` unless it is NULL; true if any is there. */
static bool walk(const char *text, size_t size, char *writable)
{
    struct lexer lexer = {text, size, 0};
    bool fresh = true, found = false, closed;
    for (int c = peek(&lexer); c >= 0; c = peek(&lexer)) {
        if (c == '\n' || blank(c)) {
            fresh = fresh || c == '\n';
            lexer.at++;
            continue;
        }
        if (skip_comment(&lexer, &closed))
            continue;
        size_t start = lexer.at;
        if (fresh && c == '#') {
            bool ours = our_directive(&lexer);
            found = found || ours;
            for (size_t at = start; writable && ours && at < lexer.at; at++)
                if (writable[at] != '\n' && writable[at] != '\r')
                    writable[at] = ' ';
        } else if (digit(c) || (c == '.' && digit(peek_second(&lexer)))) {
            skip_number(&lexer);
        } else if (name_byte(c)) {
            skip_word(&lexer, &found);
        } else if (c == '"' || c == '\'') {
            skip_quoted(&lexer);
        } else {
            lexer.at++;
        }
        fresh = false;
    }
    return found;
}

bool pragma_present(const char *text, size_t size)
{
    /* Most files hold neither word: do not lex them. */
    bool possible = memmem(text, size, "superopt", 8) || memmem(text, size, "SUPEROPT", 8);
    return possible && walk(text, size, NULL);
}

void pragma_blank(char *text, size_t size)
{
    if (memmem(text, size, "superopt", 8))
        walk(text, size, text);
}
