#include "complain.h"
#include "credential.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDING_COUNT (sizeof ending / sizeof ending[0])

static volatile sig_atomic_t caught;

static void note(int signal_number)
{
    caught = signal_number;
}

/* Reads one line. Signals are let through while it waits and at no other time, so that none is missed. */
static ssize_t read_line(int tty, char *line, size_t size)
{
    struct pollfd wait = {.fd = tty, .events = POLLIN};
    struct sigaction noting = {.sa_handler = note};
    struct sigaction old_actions[ENDING_COUNT];
    sigset_t blocked;
    sigset_t old_mask;
    ssize_t got = -1;

    sigemptyset(&blocked);
    for (size_t i = 0; i < ENDING_COUNT; i++)
        sigaddset(&blocked, ending[i]);
    (void)sigprocmask(SIG_BLOCK, &blocked, &old_mask);
    for (size_t i = 0; i < ENDING_COUNT; i++)
        (void)sigaction(ending[i], &noting, &old_actions[i]);
    if (ppoll(&wait, 1, NULL, &old_mask) > 0)
        got = read(tty, line, size);
    for (size_t i = 0; i < ENDING_COUNT; i++)
        (void)sigaction(ending[i], &old_actions[i], NULL);
    (void)sigprocmask(SIG_SETMASK, &old_mask, NULL);
    return got;
}

static ssize_t read_unseen(int tty, char *line, size_t size)
{
    struct termios as_it_was;
    struct termios unseen;
    ssize_t got;

    if (tcgetattr(tty, &as_it_was) != 0)
        return -1;
    unseen = as_it_was;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    unseen.c_lflag |= ICANON | ECHONL;
    unseen.c_cc[VSUSP] = _POSIX_VDISABLE; /* a shell that it returned to would show no echo */
    if (tcsetattr(tty, TCSAFLUSH, &unseen) != 0)
        return -1;
    got = read_line(tty, line, size);
    (void)tcsetattr(tty, TCSANOW, &as_it_was); /* TCSAFLUSH would wait for a terminal that is held (Ctrl-S) */
    (void)tcflush(tty, TCIFLUSH);
    if (caught != 0) {
        (void)tcflow(tty, TCOOFF); /* and so would writing, unless it goes on */
        (void)tcflow(tty, TCOON);
    }
    return got;
}

int prompt_for_key(credential *c)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    ssize_t got = -1;

    if (tty >= 0 && dprintf(tty, "Personal key (it is not shown): ") > 0)
        got = read_unseen(tty, c->text, sizeof c->text - 1);
    if (caught != 0 && tty >= 0)
        (void)dprintf(tty, "\n");
    if (tty >= 0)
        (void)close(tty);
    if (caught != 0)
        (void)raise(caught);
    c->text[got > 0 ? got : 0] = '\0';
    c->text[strcspn(c->text, "\r\n")] = '\0';
    if (c->text[0] == '\0')
        return complain(EXIT_NO_CREDENTIAL, "no key was given: set LOCKSYNC_PERSONAL_KEY, or use --key-file");
    return EXIT_DONE;
}
