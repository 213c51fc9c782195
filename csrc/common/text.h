/* Small helpers that the front door and the shims share: files, words, programs on a path. */
#ifndef SUPEROPT_TEXT_H
#define SUPEROPT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that grow; `data` is NULL while empty.  Nothing is freed: our processes soon exec. */
struct bytes {
    char *data;
    size_t size, room;
};

void append(struct bytes *to, const void *data, size_t size);

/* Read a whole file or descriptor (from where it stands).  False, and nothing, on any error. */
bool read_file(const char *path, struct bytes *to);
bool read_descriptor(int fd, struct bytes *to);

/* Write everything, or false. */
bool write_all(int fd, const void *data, size_t size);

/* A new string in the manner of printf.  Ends the process with status 1 when out of memory. */
char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

bool starts_with(const char *text, const char *beginning);
bool ends_with(const char *text, const char *end);
const char *base_name(const char *path);
bool is_program(const char *path);

/* Is `path` one of our front doors or shims, through whatever links? */
bool is_ours(const char *path);

/* Is `path` the running program, by whatever link? */
bool same_as_running(const char *path);

/* Is `path` a compiler cache or distributor, by whatever link? */
bool is_wrapper(const char *path);

/* First program `name` in the colon-separated `path` that is not ours, or NULL.
 * With `passing_over_wrappers`, compiler caches and distributors do not count either. */
char *find_on_path(const char *name, const char *path, bool passing_over_wrappers);

/* The folder that holds the running program, links resolved, or NULL. */
char *own_folder(void);

#endif
