/* Loading: the job's tables, the arena and the image, each exactly where it was laid out for. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timer_parts.h"

struct loaded the;

_Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("superopt-timer: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(2);
}

static void read_all(int fd, void *to, size_t bytes, off_t at) {
    for (char *p = to; bytes != 0;) {
        ssize_t got = pread(fd, p, bytes, at);
        if (got <= 0)
            fail("the input is shorter than it says");
        p += got;
        at += got;
        bytes -= (size_t)got;
    }
}

void *map(void *where, size_t bytes, int flags) {
    void *at = mmap(where, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (at == MAP_FAILED || (where != NULL && at != where))
        fail("cannot map %zu bytes at %p: %s", bytes, where, strerror(errno));
    return at;
}

size_t whole_pages(size_t bytes) {
    return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void load_segment(int fd, const Elf64_Phdr *part) {
    size_t skew = part->p_vaddr % PAGE;
    unsigned char *at = (unsigned char *)(part->p_vaddr - skew);
    size_t bytes = whole_pages(skew + part->p_memsz);
    map(at, bytes, MAP_FIXED_NOREPLACE);
    read_all(fd, at + skew, part->p_filesz, (off_t)part->p_offset);
    if (part->p_flags & PF_W) {
        if (the.segment_count == MAX_SEGMENTS)
            fail("the image has too many segments");
        struct segment *kept = &the.segments[the.segment_count++];
        size_t marks = whole_pages(bytes / PAGE);
        *kept = (struct segment){at, map(NULL, bytes, 0), map(NULL, marks, 0),
                                 map(NULL, marks, 0), bytes / PAGE};
        memcpy(kept->pristine, at, bytes);
        memset(kept->dirty, 1, bytes / PAGE);
        return;
    }
    int protection = PROT_READ | (part->p_flags & PF_X ? PROT_EXEC : 0);
    if (mprotect(at, bytes, protection) != 0)
        fail("cannot protect the image: %s", strerror(errno));
}

void load_image(int fd) {
    Elf64_Ehdr header;
    read_all(fd, &header, sizeof header, 0);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_EXEC ||
        header.e_phentsize != sizeof(Elf64_Phdr))
        fail("the image is not a static x86-64 program");
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr part;
        read_all(fd, &part, sizeof part, (off_t)(header.e_phoff + i * sizeof part));
        if (part.p_type == PT_LOAD && part.p_memsz != 0)
            load_segment(fd, &part);
    }
}

/* Takes `count` items of `size` bytes from the job's bytes. */
static void *take(unsigned char **at, size_t *left, uint64_t count, size_t size) {
    unsigned char *table = *at;
    if (count > *left / size)
        fail("the job is shorter than its tables");
    *at += count * size;
    *left -= count * size;
    return table;
}

void load_job(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0 || (size_t)info.st_size < sizeof *the.job)
        fail("the job is empty");
    size_t left = (size_t)info.st_size;
    unsigned char *at = map(NULL, whole_pages(left), 0);
    read_all(fd, at, left, 0);
    the.job = take(&at, &left, 1, sizeof *the.job);
    if (the.job->magic != JOB_MAGIC)
        fail("the job was made for another version of superopt-timer");
    the.calls = take(&at, &left, the.job->calls, sizeof *the.calls);
    the.blocks = take(&at, &left, the.job->blocks, sizeof *the.blocks);
    the.settings = take(&at, &left, the.job->settings, sizeof *the.settings);
    the.colds = take(&at, &left, the.job->colds, sizeof *the.colds);
    the.functions = take(&at, &left, the.job->functions, sizeof *the.functions);
    the.visits = take(&at, &left, the.job->visits, sizeof *the.visits);
    the.arena_pristine = take(&at, &left, the.job->arena_bytes, 1);
    unsigned char *arena =
        map((void *)the.job->arena, whole_pages(the.job->arena_bytes) + PAGE, MAP_FIXED_NOREPLACE);
    memcpy(arena, the.arena_pristine, the.job->arena_bytes);
    for (size_t i = 0; i < the.job->visits; i++)
        if (the.visits[i].functions > MAX_FUNCTIONS)
            fail("too many functions in a visit");
    /* A page below the stack stays out of reach, so that runaway recursion is a crash. */
    unsigned char *stack = map(NULL, whole_pages(the.job->stack_bytes) + PAGE, 0);
    mprotect(stack, PAGE, PROT_NONE);
    the.stack_top = stack + whole_pages(the.job->stack_bytes) + PAGE;
}

