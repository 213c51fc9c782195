#define _GNU_SOURCE
#include "record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_DESCRIPTOR = 100 }; /* programs expect theirs (the jobserver's) below */

void record_begin(struct bytes *record)
{
    append(record, RECORD_MAGIC, sizeof RECORD_MAGIC);
}

void record_field(struct bytes *record, const char *name, char *const *items, size_t count)
{
    char *number = format("%zu", count);
    append(record, name, strlen(name) + 1);
    append(record, number, strlen(number) + 1);
    for (size_t i = 0; i < count; i++)
        append(record, items[i], strlen(items[i]) + 1);
    free(number);
}

void record_one(struct bytes *record, const char *name, const char *item)
{
    char *items[] = {(char *)item};
    record_field(record, name, items, 1);
}

int memory_file(const char *name)
{
    int low = memfd_create(name, 0);
    if (low < 0)
        return -1;
    int fd = fcntl(low, F_DUPFD, FIRST_DESCRIPTOR);
    if (fd < 0)
        return low;
    close(low);
    return fd;
}

int record_keep(const struct bytes *record)
{
    int fd = memory_file("superopt-record");
    if (fd >= 0 && !write_all(fd, record->data, record->size)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool record_read(const char *text, struct bytes *record)
{
    struct stat status;
    char *end;
    long fd = text ? strtol(text, &end, 10) : -1;
    if (fd < 0 || *end || fstat((int)fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    /* Children share the file offset: read at positions. */
    for (off_t at = 0; at < status.st_size;) {
        char chunk[4096];
        ssize_t got = pread((int)fd, chunk, sizeof chunk, at);
        if (got <= 0)
            return false;
        append(record, chunk, (size_t)got);
        at += got;
    }
    return record->size > sizeof RECORD_MAGIC && record->data[record->size - 1] == '\0' &&
           memcmp(record->data, RECORD_MAGIC, sizeof RECORD_MAGIC) == 0;
}

const char *record_item(const struct bytes *record, const char *name, size_t index)
{
    const char *at = record->data + sizeof RECORD_MAGIC;
    const char *end = record->data + record->size;
    while (at < end) {
        const char *field = at;
        at += strlen(at) + 1;
        if (at >= end)
            return NULL;
        size_t count = strtoul(at, NULL, 10);
        at += strlen(at) + 1;
        for (size_t i = 0; i < count && at < end; i++) {
            if (i == index && strcmp(field, name) == 0)
                return at;
            at += strlen(at) + 1;
        }
    }
    return NULL;
}
