/* superopt-pragma.so: cc1's read(), with `#pragma superopt` lines of source files blanked.
 *
 * cc1 lexes what it gets from read(); messages show source lines that it reads again through
 * stdio, which does not come by here, so carets show the user's own text.  A file that cannot be
 * treated for any reason is read as it is. */
#define _GNU_SOURCE
#include "../common/pragma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t plain_read(int fd, void *to, size_t size)
{
    return syscall(SYS_read, fd, to, size);
}

/* A part of a regular file, [start, start + size), was read: blank it in the file's context. */
static void blank_part(int fd, char *part, off_t start, size_t size)
{
    size_t end = (size_t)start + size;
    char *whole = malloc(end + 1);
    size_t at = 0;
    while (whole && at < end) {
        ssize_t got = pread(fd, whole + at, end - at, (off_t)at);
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    if (whole && at == end) {
        pragma_blank(whole, end);
        memcpy(part, whole + start, size);
    }
    free(whole);
}

/* What came through a pipe: read to its end at once, then handed out in pieces. */
static struct {
    int fd;
    char *text;
    size_t size, at;
} stream = {.fd = -1};

static int read_stream(int fd)
{
    size_t room = 0;
    for (;;) {
        if (stream.size == room) {
            room = room ? room * 2 : 65536;
            char *grown = realloc(stream.text, room);
            if (!grown)
                return 0;
            stream.text = grown;
        }
        ssize_t got = plain_read(fd, stream.text + stream.size, room - stream.size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        stream.size += (size_t)got;
    }
    stream.fd = fd;
    pragma_blank(stream.text, stream.size);
    return 1;
}

ssize_t read(int fd, void *to, size_t size)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return plain_read(fd, to, size);
    if (S_ISREG(status.st_mode)) {
        off_t start = lseek(fd, 0, SEEK_CUR);
        ssize_t got = plain_read(fd, to, size);
        if (got > 0 && start == 0 && got == status.st_size)
            pragma_blank(to, (size_t)got);
        else if (got > 0 && start >= 0)
            blank_part(fd, to, start, (size_t)got);
        return got;
    }
    if (fd != 0 || (stream.fd != fd && !read_stream(fd)))
        return plain_read(fd, to, size);
    size_t rest = stream.size - stream.at, piece = rest < size ? rest : size;
    memcpy(to, stream.text + stream.at, piece);
    stream.at += piece;
    return (ssize_t)piece;
}
