/* The contract between superopt_cc/verify/running/runner.py and superopt-runner.
 *
 * superopt-runner IMAGE CASES_FD RESULTS_FD TRACE_FD maps a static image, answers requests read
 * from standard input on standard output, and runs every batch in a forked child that may make
 * no system call but return from a signal and exit (design 5.8).  Expected results never enter
 * the child: Python compares.  All values are little endian, all structs packed by hand to
 * 8-byte multiples; runner.py holds the same layouts as struct formats.
 */
#ifndef SUPEROPT_RUNNER_H
#define SUPEROPT_RUNNER_H

#include <stdint.h>

#define RUNNER_MAGIC 0x53504f52u

enum { MAX_CALLEES = 64, NOISE_STACK = 4096, CALLER_FRAME = 256, MAX_STACK_WORDS = 64,
       MAX_CALL_WORDS = 16 };

/* Which part of the machine a callee is called with: bits that count of each register. */
struct callee {
    uint64_t gpr_mask[6];  /* rdi rsi rdx rcx r8 r9 */
    uint64_t xmm_mask[8];  /* low 64 bits of xmm0..7 */
    uint64_t al_mask;      /* variadic calls pass the vector register count in al */
    uint64_t flags;        /* CALLEE_* */
    uint64_t target;       /* local callee behind a wrap: its address; or REAL_* */
    uint64_t xmm_whole;    /* a bit for each of xmm0..7 whose high 64 bits count too */
    uint64_t stack_words;  /* that it is passed, and which of their bits count */
    uint64_t stack_mask[MAX_CALL_WORDS];
};
/* CALLEE_ORDERS: it may be a comparison function; bits 8..10 and 12..14 are the places in gpr_mask
 * of what it compares.  CALLEE_X87: it returns in st(0), CALLEE_X87_TWO in st(1) as well, what an
 * answer has for xmm0 and xmm1.  CALLEE_WIDE: a local one, with all of ymm0 as its result.
 * CALLEE_PLACE returns its first argument, where its result goes. */
enum { CALLEE_NORETURN = 1, CALLEE_WRAP = 2, CALLEE_REAL = 4, CALLEE_ORDERS = 8, CALLEE_X87 = 16,
       CALLEE_X87_TWO = 32, CALLEE_WIDE = 64, CALLEE_PLACE = 128 };
/* `target` of a CALLEE_REAL: library functions that run for real and are not recorded. */
enum { REAL_MEMCPY = 1, REAL_MEMMOVE, REAL_MEMSET, REAL_MEMCMP, REAL_STRLEN,
       /* arithmetic of the compiler's own library */
       REAL_POPCOUNT32, REAL_POPCOUNT64, REAL_PARITY32, REAL_PARITY64, REAL_UDIV128,
       REAL_UMOD128, REAL_DIV128, REAL_MOD128 };

struct setup { /* sent once, before any request */
    uint64_t magic;
    uint64_t arena_base;   /* slot s, writable view: base + s*stride + guard */
    uint64_t arena_slots;  /* read-only view of slot s: slot s + slots */
    uint64_t slot_bytes;
    uint64_t slot_stride;  /* modulo 2^64: slots may follow each other downwards */
    uint64_t slot_guard;
    uint64_t stack;        /* the highest stack pointer of a caller: a multiple of 64 */
    uint64_t gate;         /* address of the 8-byte gate pointer in the image */
    uint64_t text_low, text_high; /* steps are logged inside */
    uint64_t tracer;       /* cursor and limit of instrumented copies; 0: there are none */
    uint64_t callees;      /* how many of `struct callee` follow */
    uint64_t frame_objects, sites; /* then of `struct frame_object` and of `struct site` */
};

/* Variables in the frame of the function under test, as gcc's code lays it out: `low` bytes from
 * the end of the frame.  Calls of that code, by where they return to, with bits of the objects in
 * whose scope they lie. */
struct frame_object { int64_t low; uint64_t bytes, align; };
struct site { uint64_t back, objects; };
enum { MAX_FRAME_OBJECTS = 32, MAX_SITES = 1024 };

struct request {
    uint64_t magic;
    uint64_t entry;        /* function to run */
    uint64_t cases_offset; /* first case in the cases file */
    uint64_t count;
    uint64_t noise;        /* seed of register, flag and stack noise */
    uint64_t flags;        /* REQ_* */
    uint64_t max_ticks;    /* 10 ms ticks of CPU time for one case */
    uint64_t max_steps;    /* for one case, single stepping */
    uint64_t wall_ms;      /* for the whole batch */
    uint64_t diag_offset;  /* array of `struct diag` in the results file */
    uint64_t cases_bytes, results_bytes; /* what of both files this batch takes */
    uint64_t slots;        /* of the arena; others may be inaccessible */
    uint64_t rax_mask, rdx_mask;
    uint64_t xmm0_mask[2], xmm1_mask[2];
    uint64_t mxcsr_mask;   /* exception flags that count */
    uint64_t x87_results;  /* registers of the x87 stack that hold the result */
    uint64_t views_offset, views_bytes; /* in the cases file: per case its words, how many views */
    uint64_t ymm0_mask[2]; /* in the upper half */
};
/* REQ_STOP_ON_BAD ends the batch at a crash or endless loop, REQ_STOP_ON_LOOP at the latter. */
enum { REQ_STEP = 1, REQ_STOP_ON_BAD = 2, REQ_CLEAN_UPPER = 4, REQ_STOP_ON_LOOP = 8,
       REQ_TRACE = 16, REQ_REPORT = 32, REQ_OPPOSITE = 64, REQ_WATCH = 128,
       REQ_FAR = 256 };
/* REQ_WATCH takes reports of compared values instead of steps, in words that fill whole steps.
 * REQ_REPORT writes views instead of a trace; with REQ_OPPOSITE noise has all bits turned round. */

struct reply {
    uint64_t magic;
    uint64_t done;         /* cases finished */
    uint64_t end;          /* END_* */
    uint64_t signal;
    uint64_t steps;        /* trace entries written */
};
enum { END_FINISHED = 0, END_DIED = 1, END_WALL = 2, END_STOPPED = 3 };

/* One case: header, then stack words, upper halves of vector registers, windows (each followed by its bytes, padded to 8), then
 * answers (each followed by its stores). */
struct case_head {
    uint64_t bytes;        /* whole case, a multiple of 8 */
    uint64_t out_offset;   /* where its `struct result` goes in the results file */
    uint64_t out_bytes;    /* capacity there */
    uint64_t gpr[6];
    uint64_t xmm[8][2];
    uint64_t mxcsr;
    uint64_t skew;         /* 8: enter with a misaligned stack */
    uint64_t stack_words, windows, answers;
    uint64_t manner;       /* MANNER_*; from bit 8 on: how many bytes behind a pointer count */
    uint64_t wide;         /* a bit for each vector register whose upper half is given */
};
/* Who answers a call: the next answer; the one that callee and arguments select, so that equal
 * calls have equal results; the next one, with the order of two arguments as its result. */
enum { MANNER_TURN, MANNER_ARGUMENTS, MANNER_ORDER, MANNER_MASK = 0xff };
struct window {
    uint64_t address;      /* what is dumped and compared */
    uint64_t setup;        /* where the bytes are written (a writable view) */
    uint64_t length;
    uint64_t flags;        /* WINDOW_* */
};
/* WINDOW_FAR: a page of its own, outside of all slots; only with REQ_FAR. */
/* WINDOW_LONG: whole pages that follow each other again and again, read-only; how often, stands in
 * the flags from bit 8 on. */
enum { WINDOW_DUMP = 1, WINDOW_FAR = 2, WINDOW_LONG = 4, WINDOW_TIMES = 8 };
struct answer {
    uint64_t rax, rdx, xmm0[2], xmm1[2];
    uint64_t flags;        /* ANSWER_* */
    uint64_t stores;
};
enum { ANSWER_NORETURN = 1 };
struct store { uint64_t address, length; /* bytes follow, padded to 8 */ };

/* What a call gets to see of the frame: `place` is an argument that points into an object, so many
 * bytes from its start, which is aligned to `bytes`.  VIEW_SHOWN: an object that callees know; its
 * `bytes`, padded to 8, or which bits of them count, follow all views.  VIEW_UNKNOWN: a pointer
 * to something else, VIEW_END: there are more calls than were reported, VIEW_KEPT: an object that
 * the call before this one leaves as it is, whatever its answer says, VIEW_BACK: that call returned
 * its first argument. */
struct view { uint64_t call, place, object, offset, bytes; };
enum { VIEW_SHOWN = 6, VIEW_UNKNOWN, VIEW_END, VIEW_KEPT, VIEW_BACK };
/* What stands for the address of byte 0 of object 0; objects are 2^32 bytes apart. */
#define FRAME_TAG 0xf8a3000000000000u

/* What a case did: compared byte by byte.  Window dumps follow, then `struct call`s. */
struct result {
    uint64_t status;       /* STATUS_* */
    uint64_t signal;
    uint64_t rax, rdx, xmm0[2], xmm1[2];
    uint64_t broken;       /* BROKEN_* bits: machine state of design 5.3 not kept */
    uint64_t mxcsr_flags;  /* with those of the x87 status word: fetestexcept() tells no difference */
    uint64_t calls;
    uint64_t call_hash;    /* over all call records, also those that did not fit */
    uint64_t st[2][2];     /* x87 results, the uppermost 6 bytes zero */
    uint64_t ymm0[2];      /* upper half */
};
enum { STATUS_NONE, STATUS_RETURNED, STATUS_SIGNAL, STATUS_TIMEOUT, STATUS_NORETURN, STATUS_STEPS };
enum {
    BROKEN_RBX = 1, BROKEN_RBP = 2, BROKEN_R12 = 4, BROKEN_R13 = 8, BROKEN_R14 = 16,
    BROKEN_R15 = 32, BROKEN_RSP = 64, BROKEN_DF = 128, BROKEN_MXCSR = 256, BROKEN_X87 = 512,
    BROKEN_UPPER = 1024, BROKEN_CALLER_FRAME = 2048, BROKEN_ALIGNMENT = 4096,
};
struct call {
    uint64_t callee;
    uint64_t flags;        /* CALL_* */
    uint64_t gpr[6];
    uint64_t al;
    uint64_t xmm[8];
    uint64_t more;         /* hash of high halves and of words on the stack; 0 where none count */
    uint64_t memory;       /* hash of every dumped window at the call */
};
enum { CALL_UNALIGNED = 1 };

/* What helps to explain, not compared. */
struct diag {
    uint64_t address;      /* faulting address */
    uint64_t rip;
    uint64_t zero;         /* keeps the places of the others */
    uint64_t first_step, steps;
    uint64_t flags;        /* DIAG_* */
};
/* DIAG_NO_ADDRESS: misaligned, or not canonical; the processor does not say where. */
enum { DIAG_FRAME_POINTER = 1, DIAG_WRITE = 2, DIAG_NO_ADDRESS = 4 };

struct step { uint64_t rip; uint64_t gpr[16]; };
/* Steps that are no instructions: `rip` is one of these, gpr[0] and gpr[1] are address and bytes
 * that a library function reads or writes or a stub looks at, or gpr[0] the stub that is called. */
enum { STEP_READ = 1, STEP_WRITE, STEP_CALL, STEP_LOOK };

/* Guest machine state at the borders; runner_entry.S knows these offsets. */
struct guest {
    uint64_t gpr[16];      /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t rflags;       /* 128 */
    uint64_t rip;          /* 136 */
};

struct child_env {
    struct setup setup;
    struct callee *callees;
    struct frame_object *frame_objects;
    struct site *sites;
    struct request request;
    const unsigned char *cases;
    unsigned char *results, *trace;
    uint64_t trace_bytes;
    volatile uint64_t *progress; /* [0] cases done, [1] steps */
};

int know_machine(void); /* once, before any child; 0: this processor's state is too large */
void run_child(struct child_env *env) __attribute__((noreturn));

#endif
