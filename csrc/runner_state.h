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
enum { XMM_AREA = 160, MXCSR_AT = 24, XSTATE_BV_AT = 512, UPPER_AREA = 576 };

struct child_state {
    struct child_env *env;
    unsigned char noise_xstate[XSTATE_BYTES] __attribute__((aligned(64)));
    unsigned char *stack_low, *stack_high;
    const unsigned char *windows, *answers; /* inside the encoded case */
    const struct case_head *head;
    struct result *result;
    struct diag *diag;
    const unsigned char *answer; /* the one for the next call by turns */
    uint64_t answer_index, result_limit, noise_state;
    volatile sig_atomic_t in_guest; /* a fault now is the guest's */
    uint64_t shadow[MAX_SHADOW][2], shadow_depth; /* wrapped calls: return address, its place */
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
void noise_upper(uint64_t legacy); /* *_STATE below the upper halves that are in use */
uint64_t dump_bytes(void);
uint64_t hash_windows(void);
struct step *next_step(void); /* NULL when the trace or the case's share of it is full */
void step_done(void);
int out_of_time(void); /* the case has used up its ticks, calls out included */

/* runner_calls.c: 1 resumes the guest from guest_in, 0 ends the case. */
int on_gate(void);
int on_wrap_return(void);
void scratch_noise(void);
void pop_to_guest(uint64_t bytes);

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
    return (word & kept) | -(uint64_t)(kind == 1);
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

#endif
