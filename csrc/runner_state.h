/* State shared by the parts of the child; there is one child at a time in a process. */
#ifndef SUPEROPT_RUNNER_STATE_H
#define SUPEROPT_RUNNER_STATE_H

#include "runner.h"

#include <signal.h>
#include <string.h>

enum { XSTATE_BYTES = 8192, MAX_SHADOW = 4096 };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { FLAG_TF = 0x100, FLAG_DF = 0x400, FLAGS_NOISE = 0x8d5 };
enum { X87_STATE = 1, SSE_STATE = 2, AVX_STATE = 4 };
enum { XMM_AREA = 160, MXCSR_AT = 24, XSTATE_BV_AT = 512, UPPER_AREA = 576, UPPER_BYTES = 256 };
/* The x87 unit in that: control and status word, a bit for each register in use, the stack. */
enum { CONTROL_AT = 0, STATUS_AT = 2, TAGS_AT = 4, STACK_AT = 32, ST_BYTES = 10 };

struct child_state {
    struct child_env *env;
    unsigned char noise_xstate[XSTATE_BYTES] __attribute__((aligned(64)));
    unsigned char *stack_low, *stack_high;
    const unsigned char *uppers, *windows, *answers; /* inside the encoded case */
    const struct case_head *head;
    struct result *result;
    struct diag *diag;
    const unsigned char *answer; /* the one for the next call by turns */
    uint64_t answer_index, result_limit, noise_state;
    uint64_t opposite; /* all ones: every bit of noise is turned round */
    uint16_t x87_control; /* at entry */
    volatile sig_atomic_t in_guest; /* a fault now is the guest's */
    uint64_t shadow[MAX_SHADOW][3], shadow_depth; /* wrapped calls: return address, its place,
                                                     CALLEE_WIDE */
};

extern struct child_state now;
extern struct guest guest_in, guest_out;
extern unsigned char guest_xstate[XSTATE_BYTES], guest_xstate_out[XSTATE_BYTES];
extern uint32_t xstate_mask, saved_mask, xstate_bytes;

/* runner_entry.S */
void runner_enter(void);
void runner_leave(void);
void runner_gate(void);
void runner_recover(void);
void runner_wrap_return(void);

/* runner_child.c */
uint64_t dump_bytes(void);
uint64_t hash_windows(void);
struct step *next_step(void); /* NULL when the trace or the case's share of it is full */
void step_done(void);
int out_of_time(void); /* the case has used up its ticks, calls out included */

/* runner_vectors.c */
uint32_t what_is_saved(void); /* in this batch */
int returns_upper(void);
void noise_upper(uint64_t legacy); /* *_STATE below the upper halves that are in use */
void pass_uppers(void); /* those of a case's arguments */
void set_upper(int number, const void *half);
void upper_out(int number, uint64_t half[2]); /* of a vector register, as the guest left it */

/* runner_x87.c */
void prepare_x87(void);
unsigned x87_word(int at); /* CONTROL_AT or STATUS_AT, as the guest left it */
int x87_kept(int results); /* entry's control word, so many registers in use, no stack fault? */
void answer_x87(const struct callee *callee, const struct answer *a); /* push what it returns */

/* runner_calls.c: 1 resumes the guest from guest_in, 0 ends the case. */
int on_gate(void);
int on_wrap_return(void);
void scratch_noise(void);
void pop_to_guest(uint64_t bytes);

/* runner_frames.c */
void frames_batch(void);
void frames_begin(uint64_t entry); /* a case; `entry` is its stack pointer at entry */
void frames_end(void);
void frames_call(void); /* a stub was called; then for each pointer into the stack: */
uint64_t frames_argument(uint64_t place, uint64_t value); /* what is recorded for it */
void frames_unseen(void); /* there is one that nobody follows */
uint64_t frames_hash(uint64_t h); /* h with what of the frame's objects counts */
void frames_back(void); /* the call returned its first argument */
int frames_over(void); /* are there more calls than views tell of? */
void *frames_place(uint64_t address, uint64_t length, uint64_t noise); /* NULL: no store there */

/* runner_far.c */
void map_far_pages(void); /* before no system call is left */

/* runner_real.c */
void log_step_of(uint64_t kind, uint64_t first, uint64_t second); /* STEP_* */
int call_real(const struct callee *callee);

/* splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection that spreads every bit. */
static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t noise(void)
{
    now.noise_state += 0x9e3779b97f4a7c15u;
    return mix(now.noise_state);
}

/* Noise among which are values that code divides, shifts or indexes by only when nobody set them:
 * zero, all ones, small. */
static inline uint64_t odd_noise(void)
{
    uint64_t word = noise(), kind = word >> 60; /* no branches: nothing predicts them */
    uint64_t kept = kind > 2 ? ~(uint64_t)0 : 0xff & -(uint64_t)(kind == 2);
    return ((word & kept) | -(uint64_t)(kind == 1)) ^ now.opposite;
}

static inline int on_stack(uint64_t value)
{
    return value >= (uint64_t)now.stack_low && value < (uint64_t)now.stack_high;
}

static inline uint64_t hash_bytes(uint64_t h, const unsigned char *p, uint64_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    uint64_t tail = n;
    memcpy(&tail, p, n);
    return mix((h ^ tail) + n);
}

static inline uint64_t padded(uint64_t n)
{
    return (n + 7) & ~(uint64_t)7;
}

static inline const unsigned char *windows_of(const struct case_head *head)
{
    const unsigned char *words = (const unsigned char *)(head + 1);
    return words + 8 * head->stack_words + 16 * __builtin_popcountll(head->wide);
}

#endif
