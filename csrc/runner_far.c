/* Pages of objects that are too long to be held: what a batch's cases say is there, and no more. */
#define _GNU_SOURCE
#include "runner_state.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, MAX_FAR = 4096 };

/* In the arena nothing is mapped between the slots; elsewhere nothing may be replaced. */
static void map_far_page(uint64_t at)
{
    static uint64_t known[MAX_FAR];
    static size_t count;
    for (size_t i = 0; i < count; i++)
        if (known[i] == at)
            return;
    const struct setup *s = &now.env->setup;
    uint64_t down = (int64_t)s->slot_stride < 0, stride = down ? -s->slot_stride : s->slot_stride;
    uint64_t bytes = 2 * s->arena_slots * stride, low = s->arena_base - (down ? bytes - stride : 0);
    int how = at - low < bytes ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    void *p = mmap((void *)at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | how,
                   -1, 0);
    if (count == MAX_FAR || p != (void *)at)
        syscall(SYS_exit, 73);
    known[count++] = at;
}

/* One copy in memory, seen many times. */
static void map_long(const struct window *w)
{
    int fd = memfd_create("superopt-long", MFD_CLOEXEC);
    if (fd < 0 || write(fd, w + 1, w->length) != (ssize_t)w->length)
        syscall(SYS_exit, 73);
    for (uint64_t i = 0; i < w->flags >> WINDOW_TIMES; i++) {
        void *at = (void *)(w->setup + i * w->length);
        if (mmap(at, w->length, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) != at)
            syscall(SYS_exit, 73);
    }
    close(fd);
}

void map_far_pages(void)
{
    const unsigned char *at = now.env->cases + now.env->request.cases_offset;
    for (uint64_t i = 0; i < now.env->request.count; i++) {
        const struct case_head *head = (const struct case_head *)at;
        const unsigned char *p = windows_of(head);
        for (uint64_t n = 0; n < head->windows; n++) {
            const struct window *w = (const struct window *)p;
            if (w->flags & WINDOW_FAR)
                map_far_page(w->setup);
            if (w->flags & WINDOW_LONG)
                map_long(w);
            p += sizeof *w + padded(w->length);
        }
        at += head->bytes;
    }
}
