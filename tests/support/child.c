/* Starts and ends programs; see child.h. */
#include "child.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int out;
    bool ended;
    int status;
    char *text;
    size_t size;
};

/* Makes only calls that are safe between fork and exec in the child of a process with threads. */
static _Noreturn void become(const char *const *argv, int out, bool quiet, pid_t parent)
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves nothing behind */
    if (getppid() != parent)
        _exit(127);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    if (quiet)
        (void)dup2(null, STDERR_FILENO);
    (void)close_range(3, ~0U, 0);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

child *child_start(const char *const *argv, bool quiet)
{
    child *c = kit_zeros(sizeof *c);
    pid_t self = getpid();
    int pipe_ends[2];

    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        kit_die("cannot start %s: %s", argv[0], strerror(errno));
    c->pid = fork();
    if (c->pid == 0)
        become(argv, pipe_ends[1], quiet, self);
    if (c->pid < 0)
        kit_die("cannot start %s: %s", argv[0], strerror(errno));
    (void)close(pipe_ends[1]);
    c->out = pipe_ends[0];
    return c;
}

/* Reads more output, waiting at most `ms`. False: the output has ended, or nothing came. */
static bool read_more(child *c, int64_t ms)
{
    struct pollfd wait_for = {c->out, POLLIN, 0};
    ssize_t n;

    if (poll(&wait_for, 1, (int)(ms > 0 ? ms : 0)) <= 0)
        return false;
    c->text = kit_resize(c->text, c->size + 4097);
    n = read(c->out, c->text + c->size, 4096);
    c->size += n > 0 ? (size_t)n : 0;
    c->text[c->size] = '\0';
    return n > 0;
}

/* Finds a complete line that begins with `prefix`; NULL: no such line. */
static char *find_line(const child *c, const char *prefix)
{
    const char *at = c->text;

    while (at != NULL && strchr(at, '\n') != NULL) {
        if (strncmp(at, prefix, strlen(prefix)) == 0)
            return kit_text("%.*s", (int)strcspn(at, "\n"), at);
        at = strchr(at, '\n') + 1;
    }
    return NULL;
}

char *child_line(child *c, const char *prefix, int64_t ms)
{
    int64_t end = kit_now_ms() + ms;
    char *line;

    while ((line = find_line(c, prefix)) == NULL && read_more(c, end - kit_now_ms()))
        continue;
    return line;
}

static bool has_ended(void *user)
{
    child *c = user;
    int status;

    if (!c->ended && waitpid(c->pid, &status, WNOHANG) == c->pid) {
        c->ended = true;
        c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return c->ended;
}

bool child_is_running(child *c)
{
    return !has_ended(c);
}

void child_signal(child *c, int signal_number)
{
    if (child_is_running(c))
        (void)kill(c->pid, signal_number);
}

void child_pause(child *c)
{
    siginfo_t info;

    child_signal(c, SIGSTOP); /* takes effect later */
    if (waitid(P_PID, (id_t)c->pid, &info, WSTOPPED) != 0)
        kit_die("cannot stop a child: %s", strerror(errno));
}

char *child_stop(child *c, int signal_number, int *status)
{
    char *text;

    if (signal_number != 0)
        child_signal(c, signal_number);
    while (read_more(c, KIT_PATIENCE_MS)) /* to the end: a full pipe would block the program */
        continue;
    if (!kit_wait(has_ended, c, KIT_PATIENCE_MS)) {
        (void)kill(c->pid, SIGKILL);
        (void)kit_wait(has_ended, c, KIT_PATIENCE_MS);
    }
    if (status != NULL)
        *status = c->status;
    (void)close(c->out);
    text = c->text == NULL ? kit_text("%s", "") : c->text;
    free(c);
    return text;
}

void child_run(const char *const *argv)
{
    int status;

    free(child_stop(child_start(argv, true), 0, &status));
    if (status != 0)
        kit_die("%s %s: exit status %d", argv[0], argv[1], status);
}

/* --- a function in a child process --- */

/* Exists only in a build for coverage, whose counts are written by exit() but not by _exit(). */
extern void __gcov_init(void *counts) __attribute__((weak));

pid_t begin_child(int (*run)(void *user), void *user)
{
    static const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    pid_t self = getpid();
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0)
        kit_die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self)
        _exit(127);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        (void)signal(deadly[i], SIG_DFL); /* cmocka catches them */
    if (__gcov_init != NULL)
        exit(run(user));
    _exit(run(user));
}

int end_child(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            kit_die("waitpid: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int in_child(int (*run)(void *user), void *user)
{
    return end_child(begin_child(run, user));
}
