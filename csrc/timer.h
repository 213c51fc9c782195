/* The job that superopt-timer reads, and the records that it writes.
 *
 * Everything is a little-endian 64-bit word.  A job is `struct job`, then its tables in the order
 * of its counts, then the bytes of the arena.  `cost/wire.py` is the other end.
 */
#ifndef SUPEROPT_TIMER_H
#define SUPEROPT_TIMER_H

#include <stdint.h>

#define JOB_MAGIC UINT64_C(0x31524d4954504f53) /* "SOPTIMR1" */
#define LAST_RECORD UINT64_MAX

struct job {
    uint64_t magic;
    uint64_t core;         /* the processor to stay on */
    uint64_t seed;         /* order of the functions within rounds */
    uint64_t arena;        /* where the arena goes: page aligned, free in our address space */
    uint64_t arena_bytes;
    uint64_t stack_bytes;  /* of the functions' own stack */
    uint64_t deadline_ms;  /* no visit starts later than this */
    uint64_t visit_ms;     /* a visit that lasts longer is an endless loop */
    uint64_t visit_us;     /* no round of a visit, but its first, starts later than this */
    uint64_t probe_loop;   /* image address of the loop to probe with */
    uint64_t calls, blocks, settings, colds, functions, visits; /* lengths of the tables */
};

/* One call: its argument words and the part of the arena that it alone may write.  The first
 * argument word is the address of a byte that the target writes; the child fills it in. */
struct call {
    uint64_t words, writable, writable_end;
};

/* Calls timed together: words `stride` bytes apart, all inside [begin, end). */
struct block {
    uint64_t first_call, calls, stride;
    uint64_t begin, end;             /* everything that the block touches in the arena */
    uint64_t writable, writable_end; /* the part that is restored before each run */
    uint64_t first_setting, settings;
};

/* Bytes that a writable object of the image holds in a block: copied from the arena. */
struct setting {
    uint64_t to, from, bytes;
};

/* Image code and data, besides the function itself, that a cold call finds evicted. */
struct cold {
    uint64_t begin, end;
};

struct function {
    uint64_t entry, bytes;
};

/* Some rounds over the same functions and blocks.  `step` 0 repeats one block (predictable), 1
 * walks through all of them; `cold` times single calls with everything evicted. */
struct visit {
    uint64_t loop, first_function, functions, first_block, blocks, start, step;
    uint64_t cold, rounds, stack_offset;
};

/* Followed by rounds x functions cycle counts, each over two blocks.  `discarded` runs of a block
 * were interrupted by a switch to another program and made again.  The last record has
 * visit == LAST_RECORD, `rounds` an `enum ending`, `functions` the signal, `discarded` the
 * function (index into the table) that was running. */
struct record {
    uint64_t visit, rounds, functions, discarded, steal;
};

enum ending { ENDED, CRASHED, TIMED_OUT, NOT_STARTED };

#endif
