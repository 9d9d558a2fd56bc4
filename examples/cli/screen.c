#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* the alternate screen, no cursor */
#define LEAVE "\033[0m\033[?25h\033[?1049l"
#define WRITE_TIMEOUT_MS 200

typedef enum outcome { WRITTEN, STALLED, FAILED } outcome;

bool screen_open(screen *s)
{
    char name[PATH_MAX];
    const char *path = NULL;

    *s = (screen){.fd = -1};
    /* O_NONBLOCK on standard output would apply to the shell too, so open the terminal again. After a change of user
       (su) its name may not be accessible, but /dev/tty is */
    if (tcgetsid(STDOUT_FILENO) == getsid(0))
        path = "/dev/tty";
    else if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0)
        path = name;
    if (path != NULL)
        s->fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (s->fd < 0)
        s->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return s->fd >= 0;
}

void screen_close(screen *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static outcome put(const screen *s, const char *bytes, size_t size)
{
    while (size > 0) {
        struct pollfd out = {.fd = s->fd, .events = POLLOUT};
        int ready = poll(&out, 1, WRITE_TIMEOUT_MS);
        ssize_t written;

        if (ready == 0)
            return STALLED;
        written = ready < 0 ? -1 : write(s->fd, bytes, size);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return FAILED;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return WRITTEN;
}

bool screen_write(const screen *s, const char *bytes, size_t size)
{
    return put(s, bytes, size) != FAILED;
}

/* Turns off echo, so that typed keys do not appear on the screen. */
void screen_enter(screen *s)
{
    struct termios without_echo;

    s->is_saved = tcgetattr(s->fd, &s->saved) == 0;
    if (s->is_saved) {
        without_echo = s->saved;
        without_echo.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        (void)tcsetattr(s->fd, TCSANOW, &without_echo);
    }
    (void)put(s, ENTER, strlen(ENTER));
}

void screen_leave(screen *s)
{
    if (s->is_saved) {
        (void)tcsetattr(s->fd, TCSANOW, &s->saved); /* TCSAFLUSH would wait for the output */
        (void)tcflush(s->fd, TCIFLUSH);             /* the shell must not receive keys typed meanwhile */
    }
    if (put(s, LEAVE, strlen(LEAVE)) == STALLED) {
        (void)tcflush(s->fd, TCOFLUSH);
        (void)tcflow(s->fd, TCOOFF); /* TCOON resumes output that Ctrl-S stopped only after TCOOFF */
        (void)tcflow(s->fd, TCOON);
        (void)put(s, LEAVE, strlen(LEAVE));
    }
}

void screen_size(const screen *s, int *lines, int *columns)
{
    struct winsize size = {.ws_row = 0};

    (void)ioctl(s->fd, TIOCGWINSZ, &size);
    *lines = size.ws_row > 0 && size.ws_col > 0 ? size.ws_row : 24;
    *columns = size.ws_row > 0 && size.ws_col > 0 ? size.ws_col : 80;
}
