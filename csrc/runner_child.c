/* The child of superopt-runner: runs one batch of cases and reports what each did.
 *
 * Contract: after seal() it makes no system call but rt_sigreturn and exit; it knows the inputs
 * and never an expected result; a case that faults, loops or jumps away ends that case only.
 */
#define _GNU_SOURCE
#include "runner_state.h"

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

#ifndef MADV_POPULATE_READ /* headers older than Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGE = 4096, STACK_BYTES = 8 << 20, STACK_GUARD = 512 << 10, SIGNAL_STACK = 128 << 10 };
enum { TICK_US = 10000 };
/* Entries lie so many bytes apart; below the noise of each lie so many bytes that large frames
 * reach, looked through after the first cases and then now and again. */
enum { ENTRY_SPREAD = 1024, DEEP_STACK = 64 << 10, PATTERN = 4096, DEEP_STEP = 512 };
enum { DEEP_FIRST = 8, DEEP_EVERY = 256 };
enum { STACK_IN_USE = DEEP_STACK + (12 << 10) };

struct guest guest_in, guest_out;
unsigned char guest_xstate[XSTATE_BYTES] __attribute__((aligned(64)));
unsigned char guest_xstate_out[XSTATE_BYTES] __attribute__((aligned(64)));
uint64_t host_rsp;
uint32_t xstate_mask, saved_mask, xstate_bytes;
uint32_t host_mxcsr = 0x1f80;

struct child_state now;

static unsigned char noise_frame[CALLER_FRAME];
static unsigned char noise_stack[NOISE_STACK + ENTRY_SPREAD] __attribute__((aligned(64)));
static unsigned char *deep_low, *deep_from, *deep_high; /* noise again from deep_from on */
static volatile sig_atomic_t ticks;
static uint64_t entry_rsp;
static uint64_t saved_in[16]; /* registers at entry: calls out overwrite guest_in */

/* --- entering ------------------------------------------------------------------------------ */

int know_machine(void)
{
    unsigned a, b, c, d;
    __cpuid_count(13, 0, a, b, c, d);
    xstate_mask = a & 0xe7u; /* x87, SSE, AVX, AVX-512; no MPX, no protection keys */
    xstate_bytes = b;
    return b <= XSTATE_BYTES;
}

static void prepare_noise(void)
{
    saved_mask = what_is_saved();
    now.noise_state = now.env->request.noise;
    now.opposite = now.env->request.flags & REQ_OPPOSITE ? ~(uint64_t)0 : 0;
    for (size_t i = UPPER_AREA; i + 8 <= XSTATE_BYTES; i += 8) {
        uint64_t word = noise() ^ now.opposite;
        memcpy(now.noise_xstate + i, &word, 8);
    }
    for (size_t i = XMM_AREA; i < XMM_AREA + 16 * 16; i += 8) {
        uint64_t word = noise() ^ now.opposite;
        memcpy(now.noise_xstate + i, &word, 8);
    }
    memcpy(guest_xstate, now.noise_xstate, xstate_bytes);
    for (size_t i = 0; i < sizeof noise_stack; i += 8) {
        uint64_t word = odd_noise();
        memcpy(noise_stack + i, &word, 8);
    }
    memcpy(noise_frame, noise_stack + 128, CALLER_FRAME);
}

static void write_windows(void)
{
    const unsigned char *p = now.windows;
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (!(w->flags & WINDOW_LONG))
            memcpy((void *)w->setup, p + sizeof *w, w->length);
        p += sizeof *w + padded(w->length);
    }
    now.answers = p;
}

static uint64_t highest_entry(void)
{
    return now.env->setup.stack;
}

/* Noise by address: what a large frame left behind must not tell the next case anything. */
static void fill_deep(unsigned char *from)
{
    while (from < deep_high) {
        size_t at = (uint64_t)from % PATTERN, n = PATTERN - at;
        if (n > (size_t)(deep_high - from))
            n = (size_t)(deep_high - from);
        memcpy(from, noise_stack + at, n);
        from += n;
    }
}

static void prepare_deep_stack(void)
{
    deep_high = (unsigned char *)(highest_entry() - ENTRY_SPREAD - NOISE_STACK);
    deep_low = deep_high - DEEP_STACK;
    deep_from = deep_high;
    fill_deep(deep_low);
}

/* How deep did a case write? */
static void look_deep(uint64_t number)
{
    int all = number < DEEP_FIRST || number % DEEP_EVERY == 0;
    unsigned char *p = all || deep_from - deep_low < DEEP_STEP ? deep_low : deep_from - DEEP_STEP;
    while (p < deep_from) {
        size_t at = (uint64_t)p % PATTERN, n = PATTERN - at;
        if (n > (size_t)(deep_from - p))
            n = (size_t)(deep_from - p);
        if (memcmp(p, noise_stack + at, n)) {
            deep_from = p;
            return;
        }
        p += n;
    }
}

static void prepare_stack(const uint64_t *words)
{
    uint64_t top = highest_entry() - (noise() & 0x3f0);
    entry_rsp = top - 8 - now.head->skew;
    unsigned char *at = (unsigned char *)entry_rsp;
    fill_deep(deep_from);
    /* A multiple of 64 is twice as fast; what is too much is written over. */
    size_t near = (top - (uint64_t)deep_high + 63) & ~(size_t)63;
    memcpy(deep_high, noise_stack + sizeof noise_stack - near, near);
    uint64_t choice = noise(), none = now.opposite; /* a zero in the red zone, now here, now there */
    memcpy(at - 8 * (1 + (choice & 31)), &none, 8);
    uint64_t back = (uint64_t)runner_leave;
    memcpy(at, &back, 8);
    memcpy(at + 8, words, now.head->stack_words * 8);
    memcpy(at + 8 + now.head->stack_words * 8, noise_frame, CALLER_FRAME);
}

static void prepare_registers(void)
{
    static const int unset[] = { RAX, RBX, RBP, R10, R11, R12, R13, R14, R15 };
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        guest_in.gpr[unset[i]] = odd_noise();
    guest_in.gpr[RDI] = now.head->gpr[0];
    guest_in.gpr[RSI] = now.head->gpr[1];
    guest_in.gpr[RDX] = now.head->gpr[2];
    guest_in.gpr[RCX] = now.head->gpr[3];
    guest_in.gpr[R8] = now.head->gpr[4];
    guest_in.gpr[R9] = now.head->gpr[5];
    guest_in.gpr[RSP] = entry_rsp;
    guest_in.rflags = (noise() & FLAGS_NOISE) | 0x202;
    if (now.env->request.flags & REQ_STEP)
        guest_in.rflags |= FLAG_TF;
    guest_in.rip = now.env->request.entry;
    memcpy(guest_xstate + XMM_AREA, now.head->xmm, sizeof now.head->xmm);
    memcpy(guest_xstate + XMM_AREA + 128, now.noise_xstate + XMM_AREA + 128, 128);
    memcpy(guest_xstate + MXCSR_AT, &now.head->mxcsr, 4);
    prepare_x87();
    pass_uppers();
    memcpy(saved_in, guest_in.gpr, sizeof saved_in);
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
        if (guest_out.gpr[saved[i].reg] != saved_in[saved[i].reg])
            now.result->broken |= saved[i].bit;
    if (guest_out.gpr[RSP] != entry_rsp + 8)
        now.result->broken |= BROKEN_RSP;
    if (guest_out.rflags & FLAG_DF)
        now.result->broken |= BROKEN_DF;
    uint64_t mxcsr = load32(guest_xstate_out + MXCSR_AT);
    if ((mxcsr ^ now.head->mxcsr) & 0xffc0)
        now.result->broken |= BROKEN_MXCSR;
    if (!x87_kept((int)now.env->request.x87_results))
        now.result->broken |= BROKEN_X87;
    uint64_t in_use;
    memcpy(&in_use, guest_xstate_out + XSTATE_BV_AT, 8);
    int clean = now.env->request.flags & REQ_CLEAN_UPPER && !returns_upper();
    if (clean && (in_use & AVX_STATE))
        now.result->broken |= BROKEN_UPPER;
    if (memcmp((void *)(entry_rsp + 8 + now.head->stack_words * 8), noise_frame, CALLER_FRAME))
        now.result->broken |= BROKEN_CALLER_FRAME;
    uint64_t raised = mxcsr | x87_word(STATUS_AT);
    now.result->mxcsr_flags = raised & 0x3f & now.env->request.mxcsr_mask;
}

static void note_return(void)
{
    const struct request *r = &now.env->request;
    now.result->status = STATUS_RETURNED;
    now.result->rax = guest_out.gpr[RAX] & r->rax_mask;
    now.result->rdx = guest_out.gpr[RDX] & r->rdx_mask;
    memcpy(now.result->xmm0, guest_xstate_out + XMM_AREA, 16);
    memcpy(now.result->xmm1, guest_xstate_out + XMM_AREA + 16, 16);
    for (int i = 0; i < 2; i++) {
        now.result->xmm0[i] &= r->xmm0_mask[i];
        now.result->xmm1[i] &= r->xmm1_mask[i];
    }
    if (returns_upper()) {
        upper_out(0, now.result->ymm0);
        for (int i = 0; i < 2; i++)
            now.result->ymm0[i] &= r->ymm0_mask[i];
    }
    for (uint64_t i = 0; i < r->x87_results; i++)
        memcpy(now.result->st[i], guest_xstate_out + STACK_AT + 16 * i, ST_BYTES);
    check_state();
}

static void dump_windows(void)
{
    const unsigned char *p = now.windows;
    unsigned char *out = (unsigned char *)(now.result + 1);
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (w->flags & WINDOW_DUMP) {
            memcpy(out, (void *)w->address, w->length);
            out += padded(w->length);
        }
        p += sizeof *w + padded(w->length);
    }
}

uint64_t dump_bytes(void)
{
    const unsigned char *p = now.windows;
    uint64_t total = 0;
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        total += w->flags & WINDOW_DUMP ? padded(w->length) : 0;
        p += sizeof *w + padded(w->length);
    }
    return total;
}

uint64_t hash_windows(void)
{
    const unsigned char *p = now.windows;
    uint64_t h = 1;
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (w->flags & WINDOW_DUMP)
            h = hash_bytes(h, (const unsigned char *)w->address, w->length);
        p += sizeof *w + padded(w->length);
    }
    return h;
}

/* --- signals --------------------------------------------------------------------------------- */

static void leave_case(ucontext_t *context)
{
    now.in_guest = 0;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)runner_recover;
    context->uc_mcontext.gregs[REG_EFL] = 0x202;
}

/* Instrumented copies and single steps share one trace: the cursor lies in the image's tracer
 * words where there are any. */
static uint64_t own_tracer[2];

static uint64_t *tracer(void)
{
    uint64_t at = now.env->setup.tracer;
    return at ? (uint64_t *)at : own_tracer;
}

static void open_trace(void)
{
    uint64_t *words = tracer();
    uint64_t room = now.env->trace_bytes / sizeof(struct step) - now.env->progress[1];
    uint64_t most = now.env->request.max_steps < room ? now.env->request.max_steps : room;
    words[0] = (uint64_t)(now.env->trace + now.env->progress[1] * sizeof(struct step));
    words[1] = words[0] + most * sizeof(struct step);
}

static void close_trace(void)
{
    uint64_t used = tracer()[0] - (uint64_t)now.env->trace;
    uint64_t end = (used + sizeof(struct step) - 1) / sizeof(struct step);
    now.diag->steps = end - now.env->progress[1];
    now.env->progress[1] = end;
}

struct step *next_step(void)
{
    uint64_t *words = tracer();
    return words[0] < words[1] ? (struct step *)words[0] : NULL;
}

void step_done(void)
{
    tracer()[0] += sizeof(struct step);
}

static void log_step(ucontext_t *context)
{
    static const int from[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                                  REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
                                  REG_R14, REG_R15 };
    greg_t *registers = context->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)registers[REG_RIP];
    if (!now.in_guest || rip < now.env->setup.text_low || rip >= now.env->setup.text_high)
        return;
    struct step *step = next_step();
    if (!step) {
        now.result->status = STATUS_STEPS;
        leave_case(context);
        return;
    }
    step->rip = rip;
    for (int i = 0; i < 16; i++)
        step->gpr[i] = (uint64_t)registers[from[i]];
    step_done();
}

int out_of_time(void)
{
    return ticks > (sig_atomic_t)now.env->request.max_ticks;
}

static void on_signal(int number, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    if (number == SIGPROF) {
        ticks++;
        if (now.in_guest && out_of_time()) {
            now.result->status = STATUS_TIMEOUT;
            leave_case(context);
        }
        return;
    }
    if (number == SIGTRAP && info->si_code == TRAP_TRACE && (now.env->request.flags & REQ_STEP)) {
        log_step(context);
        return;
    }
    if (number == SIGTRAP && now.in_guest &&
        (now.env->request.flags & (REQ_TRACE | REQ_WATCH))) {
        now.result->status = STATUS_STEPS; /* the trace is full: superopt.trace says so */
        leave_case(context);
        return;
    }
    if (!now.in_guest) { /* our own code faulted: the guest destroyed us */
        syscall(SYS_exit, 70);
        __builtin_unreachable();
    }
    now.result->status = STATUS_SIGNAL;
    now.result->signal = (uint64_t)number;
    now.diag->address = (uint64_t)info->si_addr;
    now.diag->rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    if (number == SIGSEGV && context->uc_mcontext.gregs[REG_ERR] & 2)
        now.diag->flags |= DIAG_WRITE;
    if (number == SIGSEGV && info->si_code == SI_KERNEL)
        now.diag->flags |= DIAG_NO_ADDRESS;
    leave_case(context);
}

/* Many pages at once are had for a fraction of what each costs at its first touch. */
static void populate(const unsigned char *at, uint64_t bytes, int how)
{
    uint64_t low = (uint64_t)at & ~(uint64_t)(PAGE - 1);
    madvise((void *)low, (uint64_t)at + bytes - low, how); /* older kernels do not know it */
}

static void seal(void)
{
    const struct request *r = &now.env->request;
    populate(now.env->cases + r->cases_offset, r->cases_bytes, MADV_POPULATE_READ);
    populate(now.env->results + r->diag_offset, r->results_bytes, MADV_POPULATE_WRITE);
    stack_t signal_stack = { .ss_size = SIGNAL_STACK };
    signal_stack.ss_sp = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t high = highest_entry() + 2 * CALLER_FRAME + MAX_STACK_WORDS * 8;
    now.stack_high = (unsigned char *)((high + PAGE - 1) & ~(uint64_t)(PAGE - 1));
    now.stack_low = now.stack_high - STACK_BYTES;
    void *stack = now.stack_low - STACK_GUARD;
    void *got = mmap(stack, STACK_BYTES + 2 * STACK_GUARD, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (signal_stack.ss_sp == MAP_FAILED || got != stack)
        syscall(SYS_exit, 71);
    if (mprotect(now.stack_low, STACK_BYTES, PROT_READ | PROT_WRITE))
        syscall(SYS_exit, 71);
    populate(now.stack_high - STACK_IN_USE, STACK_IN_USE, MADV_POPULATE_WRITE);
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
    now.head = (const struct case_head *)at;
    const uint64_t *words = (const uint64_t *)(now.head + 1);
    now.uppers = (const unsigned char *)(words + now.head->stack_words);
    now.windows = windows_of(now.head);
    now.result = (struct result *)(now.env->results + now.head->out_offset);
    now.result_limit = now.head->out_bytes;
    memset(now.result, 0, sizeof *now.result);
    memset(now.diag, 0, sizeof *now.diag);
    now.diag->first_step = now.env->progress[1];
    now.noise_state = mix(now.env->request.noise + now.env->progress[0]);
    now.answer_index = now.shadow_depth = 0;
    ticks = 0;
    write_windows();
    prepare_stack(words);
    prepare_registers();
    frames_begin(entry_rsp);
    if (now.env->request.flags & (REQ_STEP | REQ_TRACE | REQ_WATCH))
        open_trace();
    now.in_guest = 1;
    runner_enter();
    int returned = now.in_guest && now.result->status == STATUS_NONE;
    now.in_guest = 0;
    if (returned) {
        note_return();
    } else if (now.result->status == STATUS_NONE) { /* an impossible gate: a wild jump */
        now.result->status = STATUS_SIGNAL;
        now.result->signal = SIGILL;
    }
    if (now.env->request.flags & (REQ_STEP | REQ_TRACE | REQ_WATCH))
        close_trace();
    frames_end();
    dump_windows();
}

void run_child(struct child_env *given)
{
    now.env = given;
    prepare_noise();
    const struct request *r = &now.env->request;
    if (r->flags & REQ_FAR)
        map_far_pages();
    seal();
    prepare_deep_stack();
    frames_batch();
    const unsigned char *at = now.env->cases + r->cases_offset;
    for (uint64_t i = 0; i < r->count; i++) {
        now.diag = (struct diag *)(now.env->results + r->diag_offset) + i;
        run_case(at);
        look_deep(i);
        now.env->progress[0] = i + 1;
        uint64_t status = now.result->status;
        int wild = status == STATUS_SIGNAL && now.result->signal != SIGFPE &&
                   now.result->signal != SIGILL;
        int bad = status == STATUS_TIMEOUT || wild;
        int loop = status == STATUS_TIMEOUT && (r->flags & REQ_STOP_ON_LOOP);
        if (loop || (bad && (r->flags & REQ_STOP_ON_BAD)))
            break;
        at += ((const struct case_head *)at)->bytes;
    }
    for (;;)
        syscall(SYS_exit, 0);
}
