/* Library functions that gcc itself introduces: they run for real, by the guest's pointers, and
 * what they touch goes into the trace.
 */
#include "runner_state.h"

#include <signal.h>
#include <string.h>

void log_step_of(uint64_t kind, uint64_t first, uint64_t second)
{
    if (!(now.env->request.flags & (REQ_STEP | REQ_TRACE)))
        return;
    struct step *step = next_step();
    if (!step)
        return;
    memset(step, 0, sizeof *step);
    step->rip = kind;
    step->gpr[0] = first;
    step->gpr[1] = second;
    step_done();
}

static void log_access(uint64_t kind, const void *address, uint64_t bytes)
{
    if (bytes)
        log_step_of(kind, (uint64_t)address, bytes);
}

static int overlap(uint64_t a, uint64_t b, uint64_t n)
{
    return n && a != b && (a < b ? b - a : a - b) < n;
}

/* The memory functions that gcc itself introduces: they run for real, by the guest's pointers,
 * and a bad pointer faults as the guest's own fault.  Returns the value of rax. */
static uint64_t run_real(uint64_t kind, uint64_t a, uint64_t b, uint64_t n, int *bad)
{
    unsigned char *to = (unsigned char *)a;
    const unsigned char *from = (const unsigned char *)b;
    uint64_t i = 0;
    switch (kind) {
    case REAL_MEMCPY:
    case REAL_MEMMOVE:
        *bad = kind == REAL_MEMCPY && overlap(a, b, n);
        log_access(STEP_READ, from, n);
        log_access(STEP_WRITE, to, n);
        memmove(to, from, n);
        return a;
    case REAL_MEMSET:
        log_access(STEP_WRITE, to, n);
        memset(to, (int)b, n);
        return a;
    case REAL_MEMCMP: /* C lets it read all n bytes, whatever they hold */
        log_access(STEP_READ, to, n);
        log_access(STEP_READ, from, n);
        for (; i < n; i++)
            (void)*(volatile const unsigned char *)(to + i),
                (void)*(volatile const unsigned char *)(from + i);
        for (i = 0; i < n && to[i] == from[i]; i++)
            ;
        return i < n ? (uint64_t)((int64_t)to[i] - from[i]) : 0;
    case REAL_STRLEN:
        while (((volatile const unsigned char *)to)[i])
            i++;
        log_access(STEP_READ, to, i + 1);
        return i;
    default:
        *bad = 1;
        return 0;
    }
}

/* Arithmetic for which this processor may have no instruction.  Returns how many bits of the
 * result are defined; the library divides by zero as the processor does. */
static int run_arithmetic(uint64_t kind, unsigned __int128 a, unsigned __int128 b,
                          unsigned __int128 *result)
{
    uint64_t x = (uint64_t)a;
    __int128 p = (__int128)a, q = (__int128)b;
    switch (kind) {
    case REAL_POPCOUNT32: *result = (unsigned)__builtin_popcount((unsigned)x); return 32;
    case REAL_POPCOUNT64: *result = (unsigned)__builtin_popcountll(x); return 32;
    case REAL_PARITY32: *result = (unsigned)__builtin_parity((unsigned)x); return 32;
    case REAL_PARITY64: *result = (unsigned)__builtin_parityll(x); return 32;
    case REAL_UDIV128: *result = a / b; return 128;
    case REAL_UMOD128: *result = a % b; return 128;
    case REAL_DIV128: *result = (unsigned __int128)(p / q); return 128;
    default: *result = (unsigned __int128)(p % q); return 128;
    }
}

static unsigned __int128 pair(int low, int high)
{
    return (unsigned __int128)guest_out.gpr[high] << 64 | guest_out.gpr[low];
}

int call_real(const struct callee *callee)
{
    int bad = 0, bits = 64;
    unsigned __int128 result = 0;
    now.in_guest = 1; /* a fault in here is the guest's */
    if (callee->target >= REAL_POPCOUNT32)
        bits = run_arithmetic(callee->target, pair(RDI, RSI), pair(RDX, RCX), &result);
    else
        result = run_real(callee->target, guest_out.gpr[RDI], guest_out.gpr[RSI],
                          guest_out.gpr[RDX], &bad);
    now.in_guest = 0;
    if (bad) {
        now.result->status = STATUS_SIGNAL;
        now.result->signal = SIGABRT;
        return 0;
    }
    scratch_noise();
    guest_in.gpr[RAX] = bits < 64 ? noise() << bits | (uint64_t)result : (uint64_t)result;
    if (bits > 64)
        guest_in.gpr[RDX] = (uint64_t)(result >> 64);
    pop_to_guest(8);
    now.in_guest = 1;
    return 1;
}
