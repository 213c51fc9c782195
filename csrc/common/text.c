#define _GNU_SOURCE
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void append(struct bytes *to, const void *data, size_t size)
{
    if (to->size + size + 1 > to->room) {
        size_t room = (to->size + size + 1) * 2;
        char *grown = realloc(to->data, room);
        if (!grown)
            _exit(1);
        to->data = grown;
        to->room = room;
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
    to->data[to->size] = '\0';
}

bool read_descriptor(int fd, struct bytes *to)
{
    char chunk[65536];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        append(to, chunk, (size_t)got);
        if (got == 0)
            return true;
    }
}

bool read_file(const char *path, struct bytes *to)
{
    struct stat status;
    /* Of a pipe the mere opening and closing would end its writer. */
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool good = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    good = good && read_descriptor(fd, to);
    if (fd >= 0)
        close(fd);
    return good;
}

bool write_all(int fd, const void *data, size_t size)
{
    const char *from = data;
    while (size > 0) {
        ssize_t put = write(fd, from, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        size -= (size_t)put;
    }
    return true;
}

char *format(const char *pattern, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, pattern);
    if (vasprintf(&text, pattern, arguments) < 0)
        _exit(1);
    va_end(arguments);
    return text;
}

bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool same_as_running(const char *path)
{
    struct stat there, here;
    return stat(path, &there) == 0 && stat("/proc/self/exe", &here) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

bool is_ours(const char *path)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return false;
    return starts_with(base_name(real), "superopt-") || strstr(real, "/superopt-cc/shim/") ||
           strstr(real, "/superopt-cc/pragma/") || same_as_running(path);
}

bool is_wrapper(const char *path)
{
    static const char *const names[] = {"ccache", "sccache", "distcc", "icecc", "colorgcc"};
    char real[PATH_MAX];
    if (!realpath(path, real))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(base_name(real), names[i]) == 0)
            return true;
    return false;
}

char *find_on_path(const char *name, const char *path, bool passing_over_wrappers)
{
    while (path) {
        const char *colon = strchrnul(path, ':');
        int length = (int)(colon - path);
        const char *slash = length && colon[-1] == '/' ? "" : "/";
        char *candidate = format("%.*s%s%s", length ? length : 1, length ? path : ".", slash, name);
        if (is_program(candidate) && !is_ours(candidate) &&
            !(passing_over_wrappers && is_wrapper(candidate)))
            return candidate;
        free(candidate);
        path = *colon ? colon + 1 : NULL;
    }
    return NULL;
}

char *own_folder(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : NULL;
}
