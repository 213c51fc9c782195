/* What the parts of superopt-timer share: the job in memory, and a few helpers. */
#ifndef SUPEROPT_TIMER_PARTS_H
#define SUPEROPT_TIMER_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "timer.h"

enum { PAGE = 4096, MAX_FUNCTIONS = 64, MAX_SEGMENTS = 16 };

/* A writable part of the image as it was loaded; `dirty` pages are restored before each run,
 * `changed` ones were seen to change while probing. */
struct segment {
    unsigned char *memory, *pristine, *dirty, *changed;
    size_t pages;
};

/* The job with its tables; blocks and calls are changed by probing. */
struct loaded {
    const struct job *job;
    const struct call *calls;
    struct block *blocks;
    const struct setting *settings;
    const struct cold *colds;
    const struct function *functions;
    const struct visit *visits;
    unsigned char *arena_pristine, *stack_top;
    struct segment segments[MAX_SEGMENTS];
    size_t segment_count;
};

extern struct loaded the;

/* One line on stderr, then the end with status 2. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fresh zeroed memory, at `where` unless NULL; fails if it cannot be had. */
void *map(void *where, size_t bytes, int flags);

size_t whole_pages(size_t bytes);

/* Fills `the` from the job and puts the arena in place. */
void load_job(int fd);

/* Puts the image's segments where they were linked for. */
void load_image(int fd);

/* Confines itself, probes, then makes one visit for each byte on `commands`, one record and its
 * cycle counts on `results`.  `running` names the function under test at any time;
 * `visit_cycles` is how long a visit starts new rounds. */
_Noreturn void time_visits(int commands, int results, volatile uint64_t *running,
                           uint64_t visit_cycles);

#endif
