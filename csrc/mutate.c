/* superopt-mutate: reads its job, seals itself, then runs, walks or enumerates (mutate.h). */
#define _GNU_SOURCE
#include "mutate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct job *the_job;
static uint64_t job_bytes;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "superopt-mutate: %s\n", what);
    exit(2);
}

const void *table(uint64_t offset)
{
    return (const unsigned char *)the_job + offset;
}

/* After the seal `write` is the only way out; exit_group is none of strict mode's calls. */
static _Noreturn void leave(int status)
{
    for (;;)
        syscall(SYS_exit, status);
}

static void put(const void *from, size_t bytes)
{
    for (const char *p = from; bytes != 0;) {
        ssize_t done = write(1, p, bytes);
        if (done <= 0)
            leave(73); /* nobody listens any more */
        p += done;
        bytes -= (size_t)done;
    }
}

void emit(uint64_t kind, const uint64_t *words, size_t count)
{
    static uint64_t waiting[4096];
    static size_t used;
    if (used + count + 2 > sizeof waiting / sizeof *waiting) {
        put(waiting, used * sizeof *waiting);
        used = 0;
    }
    waiting[used++] = kind;
    waiting[used++] = count;
    memcpy(waiting + used, words, count * sizeof *words);
    used += count;
    if (kind != RECORD_RAN) {
        put(waiting, used * sizeof *waiting);
        used = 0;
    }
}

static void check(uint64_t at, uint64_t count, uint64_t size)
{
    if (at > job_bytes || count > (job_bytes - at) / size)
        fail("a table of the job lies outside it");
}

static void load(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || (size_t)about.st_size < sizeof(struct job))
        fail("no job");
    job_bytes = (uint64_t)about.st_size;
    the_job = mmap(NULL, job_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (the_job == MAP_FAILED)
        fail("the job cannot be mapped");
    const struct job *j = the_job;
    if (j->magic != JOB_MAGIC || j->outs > MOST_OUTS || j->slots > MOST_SLOTS ||
        j->quick > MOST_QUICK || j->quick > j->tests || j->start > j->slots)
        fail("not a job of this version");
    check(j->states_at, j->tests, 16 * 8);
    if (j->mode != MODE_RUN)
        check(j->expected_at, j->tests, j->outs * 8 + !j->outs);
    check(j->arena_at, j->arena_bytes, 1);
    check(j->programs_at, j->programs, sizeof(struct program));
    check(j->pool_at, j->pool, sizeof(struct entry));
    check(j->start_at, j->start, 8);
    check(j->leaves_at, j->leaves, sizeof(struct leaf));
    check(j->operations_at, j->operations, sizeof(struct operation));
    check(j->shifts_at, j->shifts, sizeof(struct shift));
    const struct entry *pool = table(j->pool_at);
    for (uint64_t i = 0; i < j->pool; i++)
        if (pool[i].bytes == 0 || pool[i].bytes > MOST_LENGTH)
            fail("an instruction is too long");
    const uint64_t *start = table(j->start_at);
    for (uint64_t i = 0; i < j->start; i++)
        if (start[i] >= j->pool)
            fail("the start is none of the pool");
    const struct program *programs = table(j->programs_at);
    for (uint64_t i = 0; i < j->programs; i++) {
        check(programs[i].at, programs[i].bytes, 1);
        if (programs[i].bytes > 8192)
            fail("a program is too long");
    }
}

/* Runs every program on every test, each for so many ticks. */
void run_programs(void)
{
    const struct program *programs = table(the_job->programs_at);
    const uint64_t *states = table(the_job->states_at);
    for (uint64_t p = 0; p < the_job->programs; p++) {
        uint64_t began = elapsed();
        memcpy(guest_code, table(programs[p].at), programs[p].bytes);
        for (uint64_t t = 0; t < the_job->tests; t++) {
            uint64_t words[17] = { 0 };
            words[0] = elapsed() - began >= the_job->ticks
                           ? SIGALRM
                           : (uint64_t)run_guest(states + 16 * t, words + 1);
            emit(RECORD_RAN, words, 17);
        }
    }
    uint64_t last[] = { ENDED_DONE, 0, 0, guest_faults, guest_runs };
    emit(RECORD_END, last, 5);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("usage: superopt-mutate JOB_FD");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    load(atoi(argv[1]));
    prepare_guest();
    if (the_job->mode == MODE_SEARCH)
        prepare_search();
    seal();
    switch (the_job->mode) {
    case MODE_RUN:
        run_programs();
        break;
    case MODE_SEARCH:
        search();
        break;
    case MODE_ENUMERATE:
        enumerate();
        break;
    default:
        leave(2);
    }
    leave(0);
}
