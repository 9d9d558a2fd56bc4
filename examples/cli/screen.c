#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE "\033[0m\033[?25h\033[?1049l"
#define PATIENCE_MS 200

typedef enum outcome { WRITTEN, STALLED, FAILED } outcome;

bool screen_open(screen *s)
{
    char name[PATH_MAX];
    const char *path = NULL;

    *s = (screen){.fd = -1};
    /* an open file of one's own: O_NONBLOCK on standard output would be the shell's too. After a change of user (su)
       the terminal may not be opened by its name */
    if (tcgetsid(STDOUT_FILENO) == getsid(0))
        path = "/dev/tty";
    else if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0)
        path = name;
    if (path != NULL)
        s->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
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
        int ready = poll(&out, 1, PATIENCE_MS);
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

/* Keys that are typed meanwhile must not show on the screen. */
void screen_take(screen *s)
{
    struct termios quiet;

    s->is_saved = tcgetattr(s->fd, &s->as_it_was) == 0;
    if (s->is_saved) {
        quiet = s->as_it_was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        (void)tcsetattr(s->fd, TCSANOW, &quiet);
    }
    (void)put(s, ENTER, strlen(ENTER));
}

void screen_give_back(screen *s)
{
    if (s->is_saved) {
        (void)tcsetattr(s->fd, TCSANOW, &s->as_it_was); /* TCSAFLUSH would wait for the output */
        (void)tcflush(s->fd, TCIFLUSH);                 /* keys that were typed meanwhile are not for the shell */
    }
    if (put(s, LEAVE, strlen(LEAVE)) == STALLED) {
        (void)tcflush(s->fd, TCOFLUSH);
        (void)tcflow(s->fd, TCOOFF); /* what was held by Ctrl-S goes on only after having been held so */
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
