/* The child that runs the code under test (design 5.8): confined, probing, visits. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "timer_parts.h"

enum { LINE = 64, MAX_ATTEMPTS = 3, BLOCK_CYCLES = 40000, LONG_ROUND = 1000000 };

typedef uint64_t loop_code(uint64_t entry, uint64_t words, uint64_t end, void *stack);

static volatile uint64_t *running;
static uint64_t visit_cycles;

static void copy(void *to, const void *from, size_t bytes) {
    /* One plain instruction: no vector state, no dependence on which memcpy libc picks. */
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static uint64_t cycles(void) {
    return __builtin_ia32_rdtsc();
}

/* ---- one run of a block ---- */

static unsigned char *pristine_of(uint64_t address) {
    return the.arena_pristine + (address - the.job->arena);
}

static void apply_settings(const struct block *block) {
    const struct setting *one = the.settings + block->first_setting;
    for (size_t i = 0; i < block->settings; i++)
        copy((void *)one[i].to, (void *)one[i].from, one[i].bytes);
}

static void restore(const struct block *block) {
    copy((void *)block->writable, pristine_of(block->writable),
         block->writable_end - block->writable);
    for (size_t s = 0; s < the.segment_count; s++)
        for (size_t i = 0; i < the.segments[s].pages; i++)
            if (the.segments[s].dirty[i])
                copy(the.segments[s].memory + i * PAGE, the.segments[s].pristine + i * PAGE, PAGE);
    apply_settings(block);
}

/* Whoever runs a block first must not pay for fetching its data. */
static void touch(const struct block *block) {
    for (uint64_t at = block->begin; at < block->end; at += LINE)
        (void)*(volatile unsigned char *)at;
}

static void evict_range(uint64_t begin, uint64_t end) {
    for (uint64_t at = begin & ~(uint64_t)(LINE - 1); at < end; at += LINE)
        __builtin_ia32_clflush((void *)at);
}

static void evict(const struct block *block, const struct function *function) {
    evict_range(block->begin, block->end);
    evict_range(function->entry, function->entry + function->bytes);
    for (size_t i = 0; i < the.job->colds; i++)
        evict_range(the.colds[i].begin, the.colds[i].end);
    __builtin_ia32_mfence();
}

static uint64_t run_calls(const struct visit *visit, const struct block *block, size_t first,
                          size_t count, size_t index) {
    uint64_t words = the.calls[block->first_call + first].words;
    *running = index;
    loop_code *loop = (loop_code *)visit->loop;
    return loop(the.functions[index].entry, words, words + count * block->stride,
                the.stack_top - visit->stack_offset);
}

static long involuntary_switches(void) {
    struct rusage usage;
    syscall(SYS_getrusage, RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

static uint64_t time_once(const struct visit *visit, const struct block *block, size_t first,
                          size_t index) {
    restore(block);
    if (visit->cold) {
        evict(block, &the.functions[index]);
        return run_calls(visit, block, first, 1, index);
    }
    touch(block);
    return run_calls(visit, block, 0, block->calls, index);
}

/* Cycles of one run that nothing interrupted; 0 when that cannot be had.  What another program
 * interrupted is thrown away, counted and run again at once: the new time slice is all ours. */
static uint64_t time_block(const struct visit *visit, const struct block *block, size_t first,
                           size_t index, uint64_t *discarded) {
    for (size_t i = 0; i < MAX_ATTEMPTS; i++) {
        long before = involuntary_switches();
        uint64_t taken = time_once(visit, block, first, index);
        if (involuntary_switches() == before)
            return taken + 1;
        ++*discarded;
    }
    return 0;
}

/* Runs the target (function 0) once over every block: finds which pages of the image it changes,
 * and for each call the last byte of its own memory that it changes.  Blocks of slow calls are
 * cut short, so that a round takes microseconds and seldom meets an interrupt. */
static void probe(void) {
    const struct visit visit = {.loop = the.job->probe_loop, .functions = 1};
    for (size_t b = 0; b < the.job->blocks; b++) {
        struct block *block = &the.blocks[b];
        restore(block);
        uint64_t taken = run_calls(&visit, block, 0, 1, 0) + 1;
        if (taken > BLOCK_CYCLES)
            block->calls = 1;
        if (block->calls > 1) {
            restore(block);
            taken = run_calls(&visit, block, 0, block->calls, 0) + 1;
        }
        for (size_t i = 0; i < block->calls; i++) {
            const struct call *call = &the.calls[block->first_call + i];
            for (uint64_t at = call->writable_end; at-- > call->writable;)
                if (*(unsigned char *)at != *pristine_of(at)) {
                    *(uint64_t *)call->words = at;
                    break;
                }
        }
        for (size_t s = 0; s < the.segment_count; s++)
            for (size_t i = 0; i < the.segments[s].pages; i++)
                the.segments[s].changed[i] |= memcmp(the.segments[s].memory + i * PAGE,
                                                 the.segments[s].pristine + i * PAGE, PAGE) != 0;
        if (taken > BLOCK_CYCLES) {
            uint64_t fewer = block->calls * BLOCK_CYCLES / taken;
            block->calls = fewer == 0 ? 1 : fewer;
        }
    }
    if (the.job->blocks != 0)
        restore(&the.blocks[0]);
    for (size_t s = 0; s < the.segment_count; s++)
        memcpy(the.segments[s].dirty, the.segments[s].changed, the.segments[s].pages);
}

static void shuffle(size_t *order, size_t count, uint64_t *state) {
    for (size_t i = count; i-- > 1;) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        size_t j = (size_t)(*state % (i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* One round: all functions in some order on one block, then in the reverse order on the next, so
 * that a drift of the clock cancels.  False when some run could not be had undisturbed. */
static int time_round(const struct visit *visit, size_t round, uint64_t *state, uint64_t *sums,
                      uint64_t *discarded) {
    size_t order[MAX_FUNCTIONS], count = visit->functions;
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
        sums[i] = 0;
    }
    shuffle(order, count, state);
    for (size_t half = 0; half < 2; half++) {
        size_t walk = 2 * round + half;
        const struct block *block =
            &the.blocks[visit->first_block + (visit->start + walk * visit->step) % visit->blocks];
        for (size_t i = 0; i < count; i++) {
            size_t which = order[half == 0 ? i : count - 1 - i];
            uint64_t taken = time_block(visit, block, walk % block->calls,
                                        visit->first_function + which, discarded);
            if (taken == 0)
                return 0;
            sums[which] += taken;
        }
    }
    return 1;
}

static void write_all(const void *from, size_t bytes) {
    for (const char *p = from; bytes != 0;) {
        ssize_t put = write(1, p, bytes);
        if (put <= 0)
            syscall(SYS_exit_group, 1);
        p += put;
        bytes -= (size_t)put;
    }
}

static void time_visit(size_t index, uint64_t *state, uint64_t *sums) {
    const struct visit *visit = &the.visits[index];
    struct record record = {.visit = index, .functions = visit->functions};
    uint64_t began = cycles(), *next = sums;
    for (size_t i = 0; i <= visit->rounds && record.rounds < visit->rounds; i++) {
        if (i > 1 && cycles() - began > visit_cycles)
            break;
        /* The first round warms caches and predictors; in long ones that makes no difference. */
        int good = time_round(visit, i, state, next, &record.discarded);
        if (good && (i > 0 || cycles() - began > LONG_ROUND)) {
            record.rounds++;
            next += visit->functions;
        }
    }
    write_all(&record, sizeof record);
    write_all(sums, (size_t)((char *)next - (char *)sums));
}

static void confine(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 10),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrusage, 9, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 3),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        fail("this system has no seccomp filters: %s", strerror(errno));
}

static void limit(int resource, rlim_t value) {
    struct rlimit both = {value, value};
    setrlimit(resource, &both);
}

_Noreturn void time_visits(int commands, int results, volatile uint64_t *shared,
                           uint64_t cycle_limit) {
    running = shared;
    visit_cycles = cycle_limit;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(the.job->core, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        fail("cannot stay on processor %d: %s", (int)the.job->core, strerror(errno));
    size_t largest = 1;
    for (size_t i = 0; i < the.job->visits; i++)
        if (largest < (the.visits[i].rounds + 1) * the.visits[i].functions)
            largest = (the.visits[i].rounds + 1) * the.visits[i].functions;
    uint64_t *sums = map(NULL, whole_pages(largest * sizeof *sums), 0);
    uint64_t state = the.job->seed | 1;
    if (dup2(commands, 0) < 0 || dup2(results, 1) < 0 || syscall(SYS_close_range, 3, ~0U, 0) != 0)
        fail("cannot set up the child's descriptors: %s", strerror(errno));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, the.job->deadline_ms / 1000 + 2 * the.job->visit_ms / 1000 + 5);
    confine();
    probe();
    for (size_t i = 0; i < the.job->visits; i++) {
        char go;
        if (read(0, &go, 1) != 1)
            break;
        time_visit(i, &state, sums);
    }
    syscall(SYS_exit_group, 0);
    __builtin_unreachable();
}

