#include "credential.h"
#include "report.h"
#include "signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int signal_number)
{
    caught = signal_number;
}

/* Reads one line. Signals are unblocked only while it waits, so that it misses no signal. */
static ssize_t read_line(int tty, char *line, size_t size)
{
    struct pollfd wait = {.fd = tty, .events = POLLIN};
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction old_actions[SIGNALS_TERMINATING_COUNT];
    sigset_t blocked;
    sigset_t old_mask;
    ssize_t got = -1;

    sigemptyset(&blocked);
    for (size_t i = 0; i < SIGNALS_TERMINATING_COUNT; i++)
        sigaddset(&blocked, signals_terminating[i]);
    (void)sigprocmask(SIG_BLOCK, &blocked, &old_mask);
    for (size_t i = 0; i < SIGNALS_TERMINATING_COUNT; i++)
        (void)sigaction(signals_terminating[i], &action, &old_actions[i]);
    if (ppoll(&wait, 1, NULL, &old_mask) > 0)
        got = read(tty, line, size);
    for (size_t i = 0; i < SIGNALS_TERMINATING_COUNT; i++)
        (void)sigaction(signals_terminating[i], &old_actions[i], NULL);
    (void)sigprocmask(SIG_SETMASK, &old_mask, NULL);
    return got;
}

static ssize_t read_without_echo(int tty, char *line, size_t size)
{
    struct termios saved;
    struct termios without_echo;
    ssize_t got;

    if (tcgetattr(tty, &saved) != 0)
        return -1;
    without_echo = saved;
    without_echo.c_lflag &= ~(tcflag_t)ECHO;
    without_echo.c_lflag |= ICANON | ECHONL;
    without_echo.c_cc[VSUSP] = _POSIX_VDISABLE; /* after Ctrl-Z the shell would have no echo */
    if (tcsetattr(tty, TCSAFLUSH, &without_echo) != 0)
        return -1;
    got = read_line(tty, line, size);
    (void)tcsetattr(tty, TCSANOW, &saved); /* TCSAFLUSH would wait while Ctrl-S stops the output */
    (void)tcflush(tty, TCIFLUSH);
    if (caught != 0) {
        (void)tcflow(tty, TCOOFF); /* resumes output that Ctrl-S stopped: a write would wait too */
        (void)tcflow(tty, TCOON);
    }
    return got;
}

int prompt_for_key(credential *c)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    ssize_t got = -1;

    if (tty >= 0 && dprintf(tty, "Personal key (not shown): ") > 0)
        got = read_without_echo(tty, c->text, sizeof c->text - 1);
    if (caught != 0 && tty >= 0)
        (void)dprintf(tty, "\n");
    if (tty >= 0)
        (void)close(tty);
    if (caught != 0)
        (void)raise(caught);
    c->text[got > 0 ? got : 0] = '\0';
    c->text[strcspn(c->text, "\r\n")] = '\0';
    if (c->text[0] == '\0')
        return report(EXIT_NO_CREDENTIAL, "no key was given: set LOCKSYNC_PERSONAL_KEY, or use --key-file");
    return EXIT_DONE;
}
