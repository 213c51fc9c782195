#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLITE_SECONDS = 2 };

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void become(const struct child *child, const sigset_t *mask)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing of ours outlives a shim that is killed */
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(child->input, 0) < 0 || dup2(child->output, 1) < 0 || dup2(child->errors, 2) < 0)
        _exit(127);
    execve(child->program, child->argv, child->environment);
    _exit(127);
}

/* Wait at most `seconds` for the group's leader; then kill what is left of the group. */
static void end_group(pid_t pid, int seconds)
{
    struct timespec nap = {0, 10 * 1000 * 1000};
    for (int i = 0; i < seconds * 100; i++) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid)
            break;
        nanosleep(&nap, NULL);
    }
    kill(-pid, SIGKILL);
}

static void die_by(int number, const sigset_t *mask)
{
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_SETMASK, mask, NULL);
    _exit(128 + number);
}

/* A signal came: true once the child has ended. */
static bool handle(int number, pid_t pid, const sigset_t *mask)
{
    siginfo_t info = {0};
    switch (number) {
    case SIGCHLD:
        return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid;
    case SIGTSTP:
        kill(-pid, SIGSTOP);
        raise(SIGSTOP);
        kill(-pid, SIGCONT);
        return false;
    default:
        kill(-pid, SIGTERM);
        end_group(pid, POLITE_SECONDS);
        die_by(number, mask);
        return true;
    }
}

/* Watch the child until it ends; false when the limit passes. */
static bool watch(const struct child *child, pid_t pid, int signals, const sigset_t *mask)
{
    struct pollfd ready[2] = {{signals, POLLIN, 0}, {child->alive, POLLIN, 0}};
    long long limit = now() + child->seconds * 1000LL;
    for (;;) {
        long long left = limit - now();
        if (left <= 0)
            return false;
        int events = poll(ready, 2, left > 60000 ? 60000 : (int)left);
        if (events < 0 && errno != EINTR)
            return false;
        if (events <= 0)
            continue;
        struct signalfd_siginfo signal_info;
        if (ready[0].revents && read(signals, &signal_info, sizeof signal_info) > 0 &&
            handle((int)signal_info.ssi_signo, pid, mask))
            return true;
        char bytes[256];
        if (ready[1].revents & POLLIN && read(child->alive, bytes, sizeof bytes) > 0)
            limit = now() + child->seconds * 1000LL;
        else if (ready[1].revents)
            ready[1].fd = -1;
    }
}

int run_child(const struct child *child)
{
    static const int caught[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t watched, mask;
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&watched, caught[i]);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &watched, &mask);
    /* gcc dies of signals without telling us: then the search must not go on. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t pid = signals < 0 ? -1 : fork();
    if (pid == 0)
        become(child, &mask);
    int status = -1;
    if (pid > 0) {
        setpgid(pid, pid);
        bool ended = watch(child, pid, signals, &mask);
        if (!ended)
            kill(-pid, SIGTERM);
        end_group(pid, ended ? 0 : POLITE_SECONDS);
        if (waitpid(pid, &status, 0) != pid || !ended)
            status = -1;
    }
    if (signals >= 0)
        close(signals);
    prctl(PR_SET_PDEATHSIG, 0);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return status;
}
