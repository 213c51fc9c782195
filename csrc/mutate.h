/* superopt-mutate JOB_FD: looks for cheaper code of one small function, records on stdout.
 *
 * Contract: proposals are untrusted (design 5.8).  The process seals itself before the first of
 * them runs: its only system calls are write on 1, return from signal and exit.  A proposal that
 * faults or loops ends that run only.  Nothing that is written here is believed: the verifier
 * judges whatever comes of it.
 *
 * Everything is little-endian words of 64 bits.  A job is `struct job` and, at the offsets that
 * it names, the tables.  Registers are numbered as the processor does (rax, rcx, rdx, rbx, rsp,
 * rbp, rsi, rdi, r8 ... r15); of a state, word 4 holds what the flags are made of.
 */
#ifndef SUPEROPT_MUTATE_H
#define SUPEROPT_MUTATE_H

#include <stddef.h>
#include <stdint.h>

#define JOB_MAGIC 0x326574617475706dULL

enum mode {
    MODE_RUN = 1,   /* run programs on all tests: what registers hold afterwards */
    MODE_SEARCH,    /* walk among sequences of pool entries by Metropolis' rule */
    MODE_ENUMERATE, /* every expression of few operations, shortest first */
};

enum { MOST_OUTS = 4, MOST_SLOTS = 32, MOST_QUICK = 64, MOST_LENGTH = 15 };

struct job {
    uint64_t magic, mode, seed;
    uint64_t limit;     /* proposals, or expressions looked at */
    uint64_t ticks;     /* of 10 ms of processor time; MODE_RUN: for each program */
    uint64_t tests;     /* inputs, the first `quick` of them used for all proposals */
    uint64_t quick;
    uint64_t results;   /* at most so many are reported */
    uint64_t outs;      /* registers that count, and which of their bits */
    uint64_t out_register[MOST_OUTS], out_mask[MOST_OUTS];
    uint64_t states_at;   /* tests * uint64_t[16] */
    uint64_t expected_at; /* tests * uint64_t[outs] */
    uint64_t arena, arena_bytes, arena_at; /* memory that may be read, and its address */
    uint64_t programs, programs_at;        /* MODE_RUN: struct program[] */
    uint64_t pool, pool_at;                /* MODE_SEARCH: struct entry[] */
    uint64_t slots, start_at, start;       /* the sequence begun with: `start` pool indices */
    uint64_t cost;                         /* only what costs less is reported */
    uint64_t rounds;                       /* how often to begin anew */
    uint64_t leaves, leaves_at;            /* MODE_ENUMERATE: struct leaf[] */
    uint64_t operations, operations_at;    /* struct operation[] */
    uint64_t shifts, shifts_at;            /* struct shift[] */
    uint64_t first, depth; /* the fewest and the most operations */
};

struct program {
    uint64_t at, bytes;
};

/* One encoded instruction.  Entries of one `operation` do the same to other operands, those of one
 * `operands` do something else to the same. */
struct entry {
    uint64_t operation, operands, cost, bytes;
    unsigned char code[16];
};

/* Something that an expression may begin with: `value` itself, or register `value` at entry, or
 * memory at so many bytes from where that points.  Of the latter two so many `bytes` (0: all). */
enum leaf_kind { LEAF_REGISTER, LEAF_CONSTANT, LEAF_MEMORY };

struct leaf {
    uint64_t kind, value, displacement, bytes, is_signed;
};

/* One kind of operation at one width, see mutate_values.h; `variant` is a condition or scale. */
struct operation {
    uint64_t kind, width, variant;
};

struct shift {
    uint64_t width, count;
};

/* Records: a kind, the number of words that follow, and these. */
enum record_kind {
    RECORD_RAN = 1, /* for each program and test: status, then 16 registers */
    RECORD_FOUND,   /* cost, proposals so far, then pool indices */
    RECORD_TREE,    /* depth, expressions so far, then for each node operation, a, b, shift */
    RECORD_END,     /* why it ended (enum ending), proposals, accepted, faults, runs */
};

enum ending { ENDED_DONE, ENDED_LIMIT, ENDED_TIME };

/* --- shared within the program --------------------------------------------------------------- */

extern const struct job *the_job;

const void *table(uint64_t offset);
void emit(uint64_t kind, const uint64_t *words, size_t count);

/* Seals the process; everything must be mapped by then. */
void prepare_guest(void);
void seal(void);

/* Where code for `run_guest` is put. */
extern unsigned char *guest_code;

/* Runs guest_code from registers `in` (word 4: flags) to `out`; 0 if it came back by itself, else
 * the number of the signal that ended it. */
int run_guest(const uint64_t *in, uint64_t *out);

/* Ticks of processor time since the start. */
uint64_t elapsed(void);

/* Counters of the last record. */
extern uint64_t guest_faults, guest_runs;

/* Whatever needs system calls. */
void prepare_search(void);

void run_programs(void);
void search(void);
void enumerate(void);

static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

#endif
