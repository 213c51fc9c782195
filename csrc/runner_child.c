/* The child of superopt-runner: runs one batch of cases and reports what each did.
 *
 * Contract: after seal() it makes no system call but rt_sigreturn and exit; it knows the inputs
 * and never an expected result; a case that faults, loops or jumps away ends that case only.
 */
#define _GNU_SOURCE
#include "runner.h"

#include <cpuid.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { XSTATE_BYTES = 8192, STACK_BYTES = 8 << 20, SIGNAL_STACK = 128 << 10, MAX_SHADOW = 4096 };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { FLAG_TF = 0x100, FLAG_DF = 0x400, FLAGS_NOISE = 0x8d5 };
enum { XMM_AREA = 160, MXCSR_AT = 24, XSTATE_BV_AT = 512 };
enum { TICK_US = 10000 };

struct guest guest_in, guest_out;
unsigned char guest_xstate[XSTATE_BYTES] __attribute__((aligned(64)));
unsigned char guest_xstate_out[XSTATE_BYTES] __attribute__((aligned(64)));
uint64_t host_rsp;
uint32_t xstate_mask;
uint32_t host_mxcsr = 0x1f80;

void runner_enter(void);
void runner_leave(void);
void runner_gate(void);
void runner_recover(void);
void runner_wrap_return(void);
int on_gate(void);
int on_wrap_return(void);

static struct child_env *env;
static unsigned char noise_xstate[XSTATE_BYTES] __attribute__((aligned(64)));
static unsigned char noise_stack[NOISE_STACK] __attribute__((aligned(64)));
static unsigned char noise_frame[CALLER_FRAME];
static unsigned char *stack_low, *stack_high;
static const unsigned char *windows, *answers;
static const struct case_head *head;
static struct result *result;
static struct diag *diag;
static uint64_t answer_index, entry_rsp, result_limit;
static uint64_t noise_state;
static volatile sig_atomic_t in_guest, ticks;
static uint64_t shadow[MAX_SHADOW][2], shadow_depth;

static uint64_t mix(uint64_t x) /* splitmix64's finaliser: a bijection that spreads every bit */
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t noise(void)
{
    noise_state += 0x9e3779b97f4a7c15u;
    return mix(noise_state);
}

static uint64_t hash_bytes(uint64_t h, const unsigned char *p, uint64_t n)
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

static uint64_t padded(uint64_t n)
{
    return (n + 7) & ~(uint64_t)7;
}

/* --- entering ------------------------------------------------------------------------------ */

static void prepare_noise(void)
{
    unsigned a, b, c, d;
    __cpuid_count(13, 0, a, b, c, d);
    xstate_mask = a & 0xe7u; /* x87, SSE, AVX, AVX-512; no MPX, no protection keys */
    noise_state = env->request.noise;
    for (size_t i = 576; i + 8 <= XSTATE_BYTES; i += 8) {
        uint64_t word = noise();
        memcpy(noise_xstate + i, &word, 8);
    }
    for (size_t i = XMM_AREA; i < XMM_AREA + 16 * 16; i += 8) {
        uint64_t word = noise();
        memcpy(noise_xstate + i, &word, 8);
    }
    noise_xstate[0] = 0x7f, noise_xstate[1] = 0x03; /* x87 control word; all registers empty */
    uint64_t components = env->request.flags & REQ_CLEAN_UPPER ? 3 : xstate_mask;
    memcpy(noise_xstate + XSTATE_BV_AT, &components, 8);
    for (size_t i = 0; i < NOISE_STACK; i += 8) {
        uint64_t word = noise();
        memcpy(noise_stack + i, &word, 8);
    }
    memcpy(noise_frame, noise_stack + 128, CALLER_FRAME);
}

static uint64_t xstate_bytes(void)
{
    unsigned a, b, c, d;
    __cpuid_count(13, 0, a, b, c, d);
    return b;
}

static void write_windows(void)
{
    const unsigned char *p = windows;
    for (uint64_t i = 0; i < head->windows; i++) {
        const struct window *w = (const struct window *)p;
        memcpy((void *)w->setup, p + sizeof *w, w->length);
        p += sizeof *w + padded(w->length);
    }
    answers = p;
}

static void prepare_stack(const uint64_t *words)
{
    uint64_t top = (uint64_t)stack_high - 2 * CALLER_FRAME - MAX_STACK_WORDS * 8;
    top -= noise() & 0x3c0;
    entry_rsp = top - 8 - head->skew;
    unsigned char *at = (unsigned char *)entry_rsp;
    memcpy(at - NOISE_STACK, noise_stack, NOISE_STACK);
    uint64_t back = (uint64_t)runner_leave;
    memcpy(at, &back, 8);
    memcpy(at + 8, words, head->stack_words * 8);
    memcpy(at + 8 + head->stack_words * 8, noise_frame, CALLER_FRAME);
}

static void prepare_registers(void)
{
    for (int i = 0; i < 16; i++)
        guest_in.gpr[i] = noise();
    guest_in.gpr[RDI] = head->gpr[0];
    guest_in.gpr[RSI] = head->gpr[1];
    guest_in.gpr[RDX] = head->gpr[2];
    guest_in.gpr[RCX] = head->gpr[3];
    guest_in.gpr[R8] = head->gpr[4];
    guest_in.gpr[R9] = head->gpr[5];
    guest_in.gpr[RSP] = entry_rsp;
    guest_in.rflags = (noise() & FLAGS_NOISE) | 0x202;
    if (env->request.flags & REQ_STEP)
        guest_in.rflags |= FLAG_TF;
    guest_in.rip = env->request.entry;
    memcpy(guest_xstate + XMM_AREA, head->xmm, sizeof head->xmm);
    memcpy(guest_xstate + XMM_AREA + 128, noise_xstate + XMM_AREA + 128, 128);
    memcpy(guest_xstate + MXCSR_AT, &head->mxcsr, 4);
}

/* --- what happened --------------------------------------------------------------------------- */

static uint64_t load32(const unsigned char *p)
{
    uint32_t value;
    memcpy(&value, p, 4);
    return value;
}

static void check_state(void)
{
    static const struct { int reg; uint64_t bit; } saved[] = {
        { RBX, BROKEN_RBX }, { RBP, BROKEN_RBP }, { R12, BROKEN_R12 },
        { R13, BROKEN_R13 }, { R14, BROKEN_R14 }, { R15, BROKEN_R15 },
    };
    for (size_t i = 0; i < sizeof saved / sizeof *saved; i++)
        if (guest_out.gpr[saved[i].reg] != guest_in.gpr[saved[i].reg])
            result->broken |= saved[i].bit;
    if (guest_out.gpr[RSP] != entry_rsp + 8)
        result->broken |= BROKEN_RSP;
    if (guest_out.rflags & FLAG_DF)
        result->broken |= BROKEN_DF;
    uint64_t mxcsr = load32(guest_xstate_out + MXCSR_AT);
    if ((mxcsr ^ head->mxcsr) & 0xffc0)
        result->broken |= BROKEN_MXCSR;
    uint64_t control = load32(guest_xstate_out) & 0xffff;
    if (control != 0x37f || guest_xstate_out[4]) /* abridged tag word: nothing in use */
        result->broken |= BROKEN_X87;
    uint64_t in_use;
    memcpy(&in_use, guest_xstate_out + XSTATE_BV_AT, 8);
    if ((env->request.flags & REQ_CLEAN_UPPER) && (in_use & 4))
        result->broken |= BROKEN_UPPER;
    if (memcmp((void *)(entry_rsp + 8 + head->stack_words * 8), noise_frame, CALLER_FRAME))
        result->broken |= BROKEN_CALLER_FRAME;
    result->mxcsr_flags = mxcsr & 0x3f & env->request.mxcsr_mask;
}

static void note_clobbers(void)
{
    static const int scratch[] = { RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11 };
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        if (guest_out.gpr[scratch[i]] != guest_in.gpr[scratch[i]])
            diag->clobbered |= 1ull << scratch[i];
    for (int i = 0; i < 16; i++)
        if (memcmp(guest_xstate_out + XMM_AREA + 16 * i, guest_xstate + XMM_AREA + 16 * i, 16))
            diag->clobbered |= 1ull << (16 + i);
}

static void note_return(void)
{
    const struct request *r = &env->request;
    result->status = STATUS_RETURNED;
    result->rax = guest_out.gpr[RAX] & r->rax_mask;
    result->rdx = guest_out.gpr[RDX] & r->rdx_mask;
    memcpy(result->xmm0, guest_xstate_out + XMM_AREA, 16);
    memcpy(result->xmm1, guest_xstate_out + XMM_AREA + 16, 16);
    for (int i = 0; i < 2; i++) {
        result->xmm0[i] &= r->xmm0_mask[i];
        result->xmm1[i] &= r->xmm1_mask[i];
    }
    check_state();
    note_clobbers();
}

static void dump_windows(void)
{
    const unsigned char *p = windows;
    unsigned char *out = (unsigned char *)(result + 1);
    for (uint64_t i = 0; i < head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (w->flags & WINDOW_DUMP) {
            memcpy(out, (void *)w->address, w->length);
            out += padded(w->length);
        }
        p += sizeof *w + padded(w->length);
    }
}

static uint64_t dump_bytes(void)
{
    const unsigned char *p = windows;
    uint64_t total = 0;
    for (uint64_t i = 0; i < head->windows; i++) {
        const struct window *w = (const struct window *)p;
        total += w->flags & WINDOW_DUMP ? padded(w->length) : 0;
        p += sizeof *w + padded(w->length);
    }
    return total;
}

static uint64_t hash_windows(void)
{
    const unsigned char *p = windows;
    uint64_t h = 1;
    for (uint64_t i = 0; i < head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (w->flags & WINDOW_DUMP)
            h = hash_bytes(h, (const unsigned char *)w->address, w->length);
        p += sizeof *w + padded(w->length);
    }
    return h;
}

/* --- calls out ------------------------------------------------------------------------------- */

static int on_stack(uint64_t value)
{
    return value >= (uint64_t)stack_low && value < (uint64_t)stack_high;
}

static void record_call(uint64_t number, const struct callee *callee)
{
    static const int order[6] = { RDI, RSI, RDX, RCX, R8, R9 };
    struct call call = { .callee = number };
    if ((guest_out.gpr[RSP] + 8) & 15)
        call.flags |= CALL_UNALIGNED;
    for (int i = 0; i < 6; i++) {
        call.gpr[i] = guest_out.gpr[order[i]] & callee->gpr_mask[i];
        if (on_stack(call.gpr[i])) {
            call.flags |= CALL_FRAME_POINTER;
            diag->flags |= DIAG_FRAME_POINTER;
        }
    }
    call.al = guest_out.gpr[RAX] & callee->al_mask;
    for (int i = 0; i < 8; i++) {
        memcpy(&call.xmm[i], guest_xstate_out + XMM_AREA + 16 * i, 8);
        call.xmm[i] &= callee->xmm_mask[i];
    }
    call.memory = hash_windows();
    uint64_t used = sizeof *result + dump_bytes() + result->calls * sizeof call;
    if (used + sizeof call <= result_limit)
        memcpy((unsigned char *)result + used, &call, sizeof call);
    result->calls++;
    result->call_hash = hash_bytes(result->call_hash, (unsigned char *)&call, sizeof call);
}

static void scratch_noise(void) /* a callee may destroy every caller-saved register */
{
    static const int scratch[] = { RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11 };
    memcpy(guest_in.gpr, guest_out.gpr, sizeof guest_in.gpr);
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        guest_in.gpr[scratch[i]] = noise();
    guest_in.rflags = (guest_out.rflags & ~(uint64_t)FLAGS_NOISE) | (noise() & FLAGS_NOISE);
    guest_in.rflags &= ~(uint64_t)FLAG_DF;
    memcpy(guest_xstate, guest_xstate_out, xstate_bytes());
    for (int i = 0; i < 16; i++) {
        uint64_t word[2] = { noise(), noise() };
        memcpy(guest_xstate + XMM_AREA + 16 * i, word, 16);
    }
    uint64_t in_use = 3;
    if (!(env->request.flags & REQ_CLEAN_UPPER)) {
        in_use = xstate_mask;
        memcpy(guest_xstate + 576, noise_xstate + 576, xstate_bytes() - 576);
    }
    memcpy(guest_xstate + XSTATE_BV_AT, &in_use, 8);
    if (env->request.flags & REQ_STEP)
        guest_in.rflags |= FLAG_TF;
}

static uint64_t saved_in[16];

static void keep_entry_registers(void)
{
    memcpy(saved_in, guest_in.gpr, sizeof saved_in);
}

static void pop_to_guest(uint64_t bytes)
{
    memcpy(&guest_in.rip, (void *)guest_out.gpr[RSP], 8);
    guest_in.gpr[RSP] = guest_out.gpr[RSP] + bytes;
}

/* Which answer is next; NULL when the case gives none. */
static const struct answer *next_answer(void)
{
    if (!head->answers)
        return NULL;
    uint64_t wanted = answer_index < head->answers ? answer_index : head->answers - 1;
    answer_index++;
    const unsigned char *p = answers;
    for (uint64_t i = 0;; i++) {
        const struct answer *a = (const struct answer *)p;
        if (i == wanted)
            return a;
        p += sizeof *a;
        for (uint64_t s = 0; s < a->stores; s++) {
            const struct store *st = (const struct store *)p;
            p += sizeof *st + padded(st->length);
        }
    }
}

static void apply_answer(const struct answer *a)
{
    guest_in.gpr[RAX] = a->rax;
    guest_in.gpr[RDX] = a->rdx;
    memcpy(guest_xstate + XMM_AREA, a->xmm0, 16);
    memcpy(guest_xstate + XMM_AREA + 16, a->xmm1, 16);
    const unsigned char *p = (const unsigned char *)(a + 1);
    for (uint64_t s = 0; s < a->stores; s++) {
        const struct store *st = (const struct store *)p;
        memcpy((void *)st->address, p + sizeof *st, st->length);
        p += sizeof *st + padded(st->length);
    }
}

/* One access of a real library function, in the trace as rip 1 (read) or 2 (write). */
static void log_access(uint64_t kind, const void *address, uint64_t bytes)
{
    if (!(env->request.flags & REQ_STEP) || !bytes)
        return;
    uint64_t at = env->progress[1];
    if ((at + 1) * sizeof(struct step) > env->trace_bytes)
        return;
    struct step *step = (struct step *)env->trace + at;
    memset(step, 0, sizeof *step);
    step->rip = kind;
    step->gpr[0] = (uint64_t)address;
    step->gpr[1] = bytes;
    env->progress[1] = at + 1;
    diag->steps++;
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
        log_access(1, from, n);
        log_access(2, to, n);
        memmove(to, from, n);
        return a;
    case REAL_MEMSET:
        log_access(2, to, n);
        memset(to, (int)b, n);
        return a;
    case REAL_MEMCMP: /* C lets it read all n bytes, whatever they hold */
        log_access(1, to, n);
        log_access(1, from, n);
        for (; i < n; i++)
            (void)*(volatile const unsigned char *)(to + i),
                (void)*(volatile const unsigned char *)(from + i);
        for (i = 0; i < n && to[i] == from[i]; i++)
            ;
        return i < n ? (uint64_t)((int64_t)to[i] - from[i]) : 0;
    case REAL_STRLEN:
        while (((volatile const unsigned char *)to)[i])
            i++;
        log_access(1, to, i + 1);
        return i;
    default:
        *bad = 1;
        return 0;
    }
}

static int call_real(const struct callee *callee)
{
    int bad = 0;
    in_guest = 1; /* a fault in here is the guest's */
    uint64_t rax = run_real(callee->target, guest_out.gpr[RDI], guest_out.gpr[RSI],
                            guest_out.gpr[RDX], &bad);
    in_guest = 0;
    if (bad) {
        result->status = STATUS_SIGNAL;
        result->signal = SIGABRT;
        return 0;
    }
    scratch_noise();
    guest_in.gpr[RAX] = rax;
    pop_to_guest(8);
    in_guest = 1;
    return 1;
}

/* A stub or wrap was called.  Returns 1 to resume the guest from guest_in, 0 to end the case. */
int on_gate(void)
{
    in_guest = 0;
    uint64_t number;
    memcpy(&number, (void *)guest_out.gpr[RSP], 8);
    guest_out.gpr[RSP] += 8;
    if (number >= env->setup.callees)
        return 0;
    const struct callee *callee = &env->callees[number];
    memcpy(guest_xstate, guest_xstate_out, xstate_bytes());
    memcpy(guest_in.gpr, guest_out.gpr, sizeof guest_in.gpr);
    guest_in.rflags = guest_out.rflags;
    if (callee->flags & CALLEE_WRAP) {
        if (!head->skew && ((guest_out.gpr[RSP] + 8) & 15))
            result->broken |= BROKEN_ALIGNMENT;
        if (shadow_depth == MAX_SHADOW)
            return 0;
        memcpy(&shadow[shadow_depth][0], (void *)guest_out.gpr[RSP], 8);
        shadow[shadow_depth++][1] = guest_out.gpr[RSP];
        uint64_t back = (uint64_t)runner_wrap_return;
        memcpy((void *)guest_out.gpr[RSP], &back, 8);
        guest_in.rip = callee->target;
        in_guest = 1;
        return 1;
    }
    if (callee->flags & CALLEE_REAL)
        return call_real(callee);
    record_call(number, callee);
    const struct answer *answer = next_answer();
    if (callee->flags & CALLEE_NORETURN || !answer || answer->flags & ANSWER_NORETURN) {
        result->status = STATUS_NORETURN;
        return 0;
    }
    scratch_noise();
    apply_answer(answer);
    pop_to_guest(8);
    in_guest = 1;
    return 1;
}

/* A wrapped local callee returned: its result stays, every other scratch register is noise. */
int on_wrap_return(void)
{
    in_guest = 0;
    if (!shadow_depth || shadow[shadow_depth - 1][1] + 8 != guest_out.gpr[RSP])
        return 0;
    shadow_depth--;
    uint64_t rax = guest_out.gpr[RAX], rdx = guest_out.gpr[RDX];
    unsigned char vectors[32];
    memcpy(vectors, guest_xstate_out + XMM_AREA, 32);
    scratch_noise();
    guest_in.gpr[RAX] = rax;
    guest_in.gpr[RDX] = rdx;
    memcpy(guest_xstate + XMM_AREA, vectors, 32);
    guest_in.rip = shadow[shadow_depth][0];
    in_guest = 1;
    return 1;
}

/* --- signals --------------------------------------------------------------------------------- */

static void leave_case(ucontext_t *context)
{
    in_guest = 0;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)runner_recover;
    context->uc_mcontext.gregs[REG_EFL] = 0x202;
}

static void log_step(ucontext_t *context)
{
    static const int from[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                                  REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
                                  REG_R14, REG_R15 };
    greg_t *registers = context->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)registers[REG_RIP];
    if (!in_guest || rip < env->setup.text_low || rip >= env->setup.text_high)
        return;
    uint64_t at = env->progress[1];
    if (diag->steps >= env->request.max_steps || (at + 1) * sizeof(struct step) > env->trace_bytes) {
        result->status = STATUS_STEPS;
        leave_case(context);
        return;
    }
    struct step *step = (struct step *)env->trace + at;
    step->rip = rip;
    for (int i = 0; i < 16; i++)
        step->gpr[i] = (uint64_t)registers[from[i]];
    env->progress[1] = at + 1;
    diag->steps++;
}

static void on_signal(int number, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    if (number == SIGPROF) {
        if (in_guest && ++ticks > (sig_atomic_t)env->request.max_ticks) {
            result->status = STATUS_TIMEOUT;
            leave_case(context);
        }
        return;
    }
    if (number == SIGTRAP && info->si_code == TRAP_TRACE && (env->request.flags & REQ_STEP)) {
        log_step(context);
        return;
    }
    if (!in_guest) { /* our own code faulted: the guest destroyed us */
        syscall(SYS_exit, 70);
        __builtin_unreachable();
    }
    result->status = STATUS_SIGNAL;
    result->signal = (uint64_t)number;
    diag->address = (uint64_t)info->si_addr;
    diag->rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    if (number == SIGSEGV && context->uc_mcontext.gregs[REG_ERR] & 2)
        diag->flags |= DIAG_WRITE;
    leave_case(context);
}

static void seal(void)
{
    stack_t signal_stack = { .ss_size = SIGNAL_STACK };
    signal_stack.ss_sp = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *stack = mmap(NULL, STACK_BYTES + (1 << 20), PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (signal_stack.ss_sp == MAP_FAILED || stack == MAP_FAILED)
        syscall(SYS_exit, 71);
    stack_low = stack + (512 << 10);
    stack_high = stack_low + STACK_BYTES;
    if (mprotect(stack_low, STACK_BYTES, PROT_READ | PROT_WRITE))
        syscall(SYS_exit, 71);
    sigaltstack(&signal_stack, NULL);
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    action.sa_sigaction = on_signal;
    const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPROF, SIGSYS };
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, NULL);
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } };
    setitimer(ITIMER_PROF, &tick, NULL);
    syscall(SYS_close_range, 0u, ~0u, 0u);
    prctl(PR_SET_DUMPABLE, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
        syscall(SYS_exit, 72);
}

static void run_case(const unsigned char *at)
{
    head = (const struct case_head *)at;
    const uint64_t *words = (const uint64_t *)(head + 1);
    windows = (const unsigned char *)(words + head->stack_words);
    result = (struct result *)(env->results + head->out_offset);
    result_limit = head->out_bytes;
    memset(result, 0, sizeof *result);
    memset(diag, 0, sizeof *diag);
    diag->first_step = env->progress[1];
    noise_state = mix(env->request.noise + env->progress[0]);
    answer_index = shadow_depth = 0;
    ticks = 0;
    write_windows();
    prepare_stack(words);
    prepare_registers();
    keep_entry_registers();
    in_guest = 1;
    runner_enter();
    int returned = in_guest && result->status == STATUS_NONE;
    in_guest = 0;
    if (returned) {
        memcpy(guest_in.gpr, saved_in, sizeof saved_in);
        note_return();
    } else if (result->status == STATUS_NONE) { /* an impossible gate: a wild jump landed there */
        result->status = STATUS_SIGNAL;
        result->signal = SIGILL;
    }
    dump_windows();
}

void run_child(struct child_env *given)
{
    env = given;
    prepare_noise();
    uint64_t bytes = xstate_bytes();
    if (bytes > XSTATE_BYTES)
        syscall(SYS_exit, 73);
    const struct request *r = &env->request;
    seal();
    const unsigned char *at = env->cases + r->cases_offset;
    for (uint64_t i = 0; i < r->count; i++) {
        memcpy(guest_xstate, noise_xstate, bytes);
        diag = (struct diag *)(env->results + r->diag_offset) + i;
        run_case(at);
        env->progress[0] = i + 1;
        uint64_t status = result->status;
        int bad = status == STATUS_TIMEOUT || (status == STATUS_SIGNAL && result->signal != SIGFPE &&
                                               result->signal != SIGILL);
        int loop = status == STATUS_TIMEOUT && (r->flags & REQ_STOP_ON_LOOP);
        if (loop || (bad && (r->flags & REQ_STOP_ON_BAD)))
            break;
        at += ((const struct case_head *)at)->bytes;
    }
    for (;;)
        syscall(SYS_exit, 0);
}
