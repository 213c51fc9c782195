/* superopt-runner: maps an image and an arena, then answers requests, one forked child each.
 *
 * Usage: superopt-runner IMAGE CASES_FD RESULTS_FD TRACE_FD, requests on standard input, replies
 * on standard output (runner.h).  The parent never executes code of the image.
 */
#define _GNU_SOURCE
#include "runner.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void runner_gate(void);

enum { PAGE = 4096 };

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("superopt-runner: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static int read_fully(void *to, size_t bytes)
{
    size_t got = 0;
    while (got < bytes) {
        ssize_t n = read(0, (char *)to + got, bytes - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    return 1;
}

static void write_fully(const void *from, size_t bytes)
{
    size_t put = 0;
    while (put < bytes) {
        ssize_t n = write(1, (const char *)from + put, bytes - put);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            exit(0); /* nobody listens any more */
        put += (size_t)n;
    }
}

static void *map_at(uint64_t address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    void *p = mmap((void *)address, bytes, protection, flags | MAP_FIXED_NOREPLACE, fd, offset);
    if (p == MAP_FAILED || (uint64_t)p != address)
        fail("cannot map %zu bytes at %#lx: %s", bytes, (unsigned long)address, strerror(errno));
    return p;
}

static void map_segment(int fd, const Elf64_Phdr *segment)
{
    uint64_t low = segment->p_vaddr & ~(uint64_t)(PAGE - 1);
    uint64_t high = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    map_at(low, high - low, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t got = 0;
    while (got < segment->p_filesz) {
        ssize_t n = pread(fd, (char *)segment->p_vaddr + got, segment->p_filesz - got,
                          (off_t)(segment->p_offset + got));
        if (n <= 0)
            fail("the image is cut short");
        got += (size_t)n;
    }
}

static void protect_segment(const Elf64_Phdr *segment)
{
    uint64_t low = segment->p_vaddr & ~(uint64_t)(PAGE - 1);
    uint64_t high = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                     (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                     (segment->p_flags & PF_X ? PROT_EXEC : 0);
    if (mprotect((void *)low, high - low, protection))
        fail("cannot protect a segment: %s", strerror(errno));
}

static void map_image(const char *path, uint64_t gate)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf64_Ehdr head;
    if (fd < 0 || pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_type != ET_EXEC || head.e_phnum > 32)
        fail("%s is not a static image", path);
    Elf64_Phdr segments[32];
    size_t bytes = head.e_phnum * sizeof *segments;
    if (pread(fd, segments, bytes, (off_t)head.e_phoff) != (ssize_t)bytes)
        fail("%s is cut short", path);
    for (int i = 0; i < head.e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_memsz)
            map_segment(fd, &segments[i]);
    if (gate) {
        uint64_t address = (uint64_t)runner_gate;
        memcpy((void *)gate, &address, 8);
    }
    for (int i = 0; i < head.e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_memsz)
            protect_segment(&segments[i]);
    close(fd);
}

static int arena_fd; /* closed in the child with all others */

static void map_arena(const struct setup *s)
{
    size_t bytes = s->arena_slots * s->slot_bytes;
    int fd = arena_fd = memfd_create("superopt-arena", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)bytes))
        fail("cannot make the arena: %s", strerror(errno));
    uint64_t slots = 2 * s->arena_slots, low = s->arena_base, stride = s->slot_stride;
    if ((int64_t)stride < 0) {
        low += (slots - 1) * stride;
        stride = -stride;
    }
    map_at(low, slots * stride, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Every mapping costs time at every fork, so only as many slots are there as were asked for. */
static void map_slots(const struct setup *s, uint64_t wanted)
{
    static uint64_t slots;
    if (wanted > s->arena_slots)
        fail("more slots than the arena has");
    for (; slots < wanted; slots++)
        for (int view = 0; view < 2; view++) {
            uint64_t place = slots + (uint64_t)view * s->arena_slots;
            void *at = (void *)(s->arena_base + place * s->slot_stride + s->slot_guard);
            void *p = mmap(at, s->slot_bytes, view ? PROT_READ : PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_FIXED, arena_fd, (off_t)(slots * s->slot_bytes));
            if (p == MAP_FAILED)
                fail("cannot map the arena: %s", strerror(errno));
        }
}

/* Nothing that one function left in the arena or in the trace is there when the next one runs:
 * neither results of gcc's code nor what a rewrite wants to remember (design 5.8). */
static void forget(const struct child_env *env)
{
    off_t arena = (off_t)(env->setup.arena_slots * env->setup.slot_bytes);
    if (fallocate(arena_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, arena))
        fail("cannot empty the arena: %s", strerror(errno));
    static int traced; /* by the request before this one */
    if (traced && madvise(env->trace, env->trace_bytes, MADV_REMOVE))
        fail("cannot empty the trace: %s", strerror(errno));
    traced = (env->request.flags & (REQ_STEP | REQ_TRACE | REQ_REPORT | REQ_WATCH)) != 0;
}

struct shared { unsigned char *at; size_t bytes; };

static struct shared map_shared(int fd, int protection)
{
    struct stat info;
    if (fstat(fd, &info))
        fail("descriptor %d: %s", fd, strerror(errno));
    struct shared s = { NULL, (size_t)info.st_size };
    s.at = mmap(NULL, s.bytes, protection, MAP_SHARED, fd, 0);
    if (s.at == MAP_FAILED)
        fail("cannot map descriptor %d: %s", fd, strerror(errno));
    return s;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct reply serve(struct child_env *env)
{
    map_slots(&env->setup, env->request.slots);
    forget(env);
    env->progress[0] = env->progress[1] = 0;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        fail("fork: %s", strerror(errno));
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        run_child(env);
    }
    struct reply reply = { .magic = RUNNER_MAGIC };
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd waiting = { .fd = pidfd, .events = POLLIN };
    uint64_t deadline = now_ms() + env->request.wall_ms;
    for (;;) {
        uint64_t now = now_ms();
        int left = now < deadline ? (int)(deadline - now) : 0;
        int ready = poll(&waiting, 1, left);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0) {
            kill(child, SIGKILL);
            reply.end = END_WALL;
        }
        break;
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    close(pidfd);
    reply.done = env->progress[0];
    reply.steps = env->progress[1];
    if (reply.end == END_WALL)
        return reply;
    if (WIFSIGNALED(status) || WEXITSTATUS(status)) {
        reply.end = END_DIED;
        reply.signal = WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status)
                                           : 256 + (uint64_t)WEXITSTATUS(status);
    } else {
        reply.end = reply.done == env->request.count ? END_FINISHED : END_STOPPED;
    }
    return reply;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: superopt-runner IMAGE CASES_FD RESULTS_FD TRACE_FD");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct child_env env = { 0 };
    if (!read_fully(&env.setup, sizeof env.setup) || env.setup.magic != RUNNER_MAGIC ||
        env.setup.callees > MAX_CALLEES || env.setup.frame_objects > MAX_FRAME_OBJECTS ||
        env.setup.sites > MAX_SITES)
        fail("bad set-up");
    struct callee callees[MAX_CALLEES];
    struct frame_object frame_objects[MAX_FRAME_OBJECTS];
    struct site sites[MAX_SITES];
    if (!read_fully(callees, env.setup.callees * sizeof *callees) ||
        !read_fully(frame_objects, env.setup.frame_objects * sizeof *frame_objects) ||
        !read_fully(sites, env.setup.sites * sizeof *sites))
        fail("bad set-up");
    env.callees = callees;
    env.frame_objects = frame_objects;
    env.sites = sites;
    if (!know_machine())
        fail("this processor's state is larger than expected");
    map_image(argv[1], env.setup.gate);
    map_arena(&env.setup);
    /* What a child did to its inputs would reach the next one, which may be sent none. */
    struct shared cases = map_shared(atoi(argv[2]), PROT_READ);
    struct shared results = map_shared(atoi(argv[3]), PROT_READ | PROT_WRITE);
    struct shared trace = map_shared(atoi(argv[4]), PROT_READ | PROT_WRITE);
    env.cases = cases.at;
    env.results = results.at;
    env.trace = trace.at;
    env.trace_bytes = trace.bytes;
    env.progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (env.progress == MAP_FAILED)
        fail("cannot map the progress page: %s", strerror(errno));
    struct reply ready = { .magic = RUNNER_MAGIC };
    write_fully(&ready, sizeof ready);
    while (read_fully(&env.request, sizeof env.request)) {
        if (env.request.magic != RUNNER_MAGIC)
            fail("bad request");
        struct reply reply = serve(&env);
        write_fully(&reply, sizeof reply);
    }
    return 0;
}
