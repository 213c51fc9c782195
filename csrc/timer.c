/* superopt-timer IMAGE_FD JOB_FD: times functions of a static image, records on stdout.
 *
 * Contract: the code under test is untrusted (design 5.8).  It runs in a child whose only system
 * calls are read on 0, write on 1, getrusage, return from signal and exit.  However the child
 * ends, the parent writes a last record that says so and exits with 0; it exits with 2 and one
 * line on stderr when the job cannot be started at all.  Strict seccomp would disable the cycle
 * counter, hence the filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timer_parts.h"

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The child may not ask for the time, so the counter's speed is found before. */
static uint64_t cycles_per_ms(void) {
    uint64_t start = now_ms();
    while (now_ms() == start) {
    }
    uint64_t began = __builtin_ia32_rdtsc(), at = now_ms();
    while (now_ms() < at + 2) {
    }
    return (__builtin_ia32_rdtsc() - began) / 2;
}

/* Steal time of `core` so far, in ticks. */
static uint64_t steal_ticks(int fd, uint64_t core) {
    static char text[65536];
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = 0;
    char label[32];
    snprintf(label, sizeof label, "\ncpu%llu ", (unsigned long long)core);
    const char *line = strstr(text, label);
    unsigned long long ticks = 0;
    if (line != NULL)
        sscanf(line + strlen(label), "%*u %*u %*u %*u %*u %*u %*u %llu", &ticks);
    return ticks;
}

/* Reads exactly `bytes`: 1, or 0 at the end of the pipe, or -1 when `until` (ms) has passed. */
static int read_until(int fd, void *to, size_t bytes, uint64_t until) {
    for (char *p = to; bytes != 0;) {
        uint64_t now = now_ms();
        struct pollfd ready = {fd, POLLIN, 0};
        if (now >= until || poll(&ready, 1, (int)(until - now)) <= 0)
            return -1;
        ssize_t got = read(fd, p, bytes);
        if (got <= 0)
            return 0;
        p += got;
        bytes -= (size_t)got;
    }
    return 1;
}

/* Lets the child make its visits one by one and passes its records on.  Returns how it ended. */
static enum ending watch(int commands, int results, pid_t pid) {
    int stat = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    uint64_t began = now_ms(), before = steal_ticks(stat, the.job->core);
    uint64_t *sums = NULL;
    for (size_t i = 0; i < the.job->visits && now_ms() - began < the.job->deadline_ms; i++) {
        /* The first visit waits for the probe as well. */
        uint64_t until = now_ms() + the.job->visit_ms * (i == 0 ? 2 : 1);
        struct record record;
        if (write(commands, "", 1) != 1)
            break;
        int got = read_until(results, &record, sizeof record, until);
        if (got <= 0) {
            if (got < 0)
                kill(pid, SIGKILL);
            return got < 0 ? TIMED_OUT : CRASHED;
        }
        if (record.visit != i || record.functions != the.visits[i].functions ||
            record.rounds > the.visits[i].rounds)
            return CRASHED;
        size_t bytes = record.rounds * record.functions * sizeof *sums;
        sums = realloc(sums, bytes + 1);
        if (sums == NULL || (bytes != 0 && read_until(results, sums, bytes, until) <= 0))
            return CRASHED;
        uint64_t after = steal_ticks(stat, the.job->core);
        record.steal = after - before;
        before = after;
        fwrite(&record, sizeof record, 1, stdout);
        fwrite(sums, 1, bytes, stdout);
    }
    return ENDED;
}

int main(int argc, char **argv) {
    if (argc != 3)
        fail("usage: superopt-timer IMAGE_FD JOB_FD");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    load_job(atoi(argv[2]));
    load_image(atoi(argv[1]));
    uint64_t visit_cycles = the.job->visit_us * cycles_per_ms() / 1000;
    volatile uint64_t *running =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int commands[2], results[2];
    if (running == MAP_FAILED || pipe2(commands, O_CLOEXEC) != 0 || pipe2(results, O_CLOEXEC) != 0)
        fail("cannot start: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = fork();
    if (pid < 0)
        fail("cannot start a child: %s", strerror(errno));
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        time_visits(commands[0], results[1], running, visit_cycles);
    }
    close(commands[0]);
    close(results[1]);
    enum ending ending = watch(commands[1], results[0], pid);
    close(commands[1]);
    int status = 0;
    if (ending == CRASHED)
        kill(pid, SIGKILL); /* it may also have answered nonsense and live on */
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return 2;
    struct record last = {LAST_RECORD, ending, WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0,
                          *running, 0};
    fwrite(&last, sizeof last, 1, stdout);
    return fflush(stdout) == 0 ? 0 : 2;
}
