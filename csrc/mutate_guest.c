/* Running code under test in this very process, sealed: signals end a run, not the process. */
#define _GNU_SOURCE
#include "mutate.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, CODE_BYTES = 4 * PAGE, STACK_BYTES = 64 << 10, SIGNAL_STACK = 64 << 10 };
enum { TICK_US = 10000, LONGEST_TICKS = 2, LONGEST_SECONDS = 900 };

void mutate_enter(const uint64_t *in, uint64_t *out, const void *code);
void mutate_recover(void);

uint64_t mutate_host_rsp, mutate_guest_rsp;
unsigned char *guest_code;
uint64_t guest_faults, guest_runs;

static volatile sig_atomic_t ticks, in_guest, run_ticks, ended_by;

static void on_signal(int number, siginfo_t *info, void *raw)
{
    (void)info;
    ucontext_t *context = raw;
    if (number == SIGPROF) {
        ticks++;
        if (!in_guest || ++run_ticks <= LONGEST_TICKS)
            return;
    }
    if (!in_guest) { /* our own code faulted: the guest destroyed us */
        syscall(SYS_exit, 70);
        __builtin_unreachable();
    }
    in_guest = 0;
    ended_by = number;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)mutate_recover;
    context->uc_mcontext.gregs[REG_EFL] = 0x202;
}

static unsigned char *map_memory(uint64_t where, size_t bytes, int protection)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED_NOREPLACE : 0);
    void *p = mmap((void *)where, bytes, protection, flags, -1, 0);
    if (p == MAP_FAILED || (where && (uint64_t)p != where))
        exit(71);
    return p;
}

static void map_arena(void)
{
    if (!the_job->arena_bytes)
        return;
    unsigned char *p = map_memory(the_job->arena, the_job->arena_bytes, PROT_READ | PROT_WRITE);
    const unsigned char *from = table(the_job->arena_at);
    for (uint64_t i = 0; i < the_job->arena_bytes; i++)
        p[i] = from[i];
    mprotect(p, the_job->arena_bytes, PROT_READ);
}

void prepare_guest(void)
{
    map_arena();
    guest_code = map_memory(0, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    unsigned char *stack = map_memory(0, STACK_BYTES + 2 * PAGE, PROT_NONE);
    mprotect(stack + PAGE, STACK_BYTES, PROT_READ | PROT_WRITE);
    mutate_guest_rsp = (uint64_t)stack + PAGE + STACK_BYTES - 256;
    stack_t signals = { .ss_sp = map_memory(0, SIGNAL_STACK, PROT_READ | PROT_WRITE),
                        .ss_size = SIGNAL_STACK };
    sigaltstack(&signals, NULL);
}

void seal(void)
{
    static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGPROF };
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, NULL);
    struct rlimit none = { 0, 0 }, seconds = { LONGEST_SECONDS, LONGEST_SECONDS };
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    setrlimit(RLIMIT_CPU, &seconds);
    struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } };
    setitimer(ITIMER_PROF, &tick, NULL);
    syscall(SYS_close_range, 0u, 0u, 0u);
    syscall(SYS_close_range, 2u, ~0u, 0u);
    prctl(PR_SET_DUMPABLE, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
        syscall(SYS_exit, 72);
}

int run_guest(const uint64_t *in, uint64_t *out)
{
    guest_runs++;
    run_ticks = ended_by = 0;
    in_guest = 1;
    mutate_enter(in, out, guest_code);
    in_guest = 0;
    guest_faults += ended_by != 0;
    return ended_by;
}

uint64_t elapsed(void)
{
    return (uint64_t)ticks;
}
