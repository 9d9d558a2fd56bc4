/* The application forks while a pool connects, and the child leaves the pool alone: the parent's pool goes on as if nothing
   had been, also when libcurl has closed a socket of which the child holds a copy. */
#include "accounts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILLERS 2 /* the first is taken in, the second waits */

/* A listener that takes no connection more, until some are accepted. */
typedef struct full_listener {
    int fd;
    uint16_t port;
    int fillers[FILLERS];
} full_listener;

static full_listener fill(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    socklen_t size = sizeof address;
    full_listener l = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};

    MUST_INT(bind(l.fd, any, size), 0);
    MUST_INT(listen(l.fd, 0), 0);
    MUST_INT(getsockname(l.fd, any, &size), 0);
    l.port = ntohs(address.sin_port);
    for (size_t i = 0; i < FILLERS; i++) {
        l.fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(l.fillers[i], any, size);
    }
    return l;
}

/* Whether a connection waits still. */
static bool is_full(const full_listener *l)
{
    struct pollfd last = {.fd = l->fillers[FILLERS - 1], .events = POLLOUT};

    return poll(&last, 1, 100) == 0;
}

/* Takes what waits, and what comes when the system tries again, until it is as many as that. */
static void accept_all(const full_listener *l, size_t count)
{
    struct pollfd waiting = {.fd = l->fd, .events = POLLIN};
    size_t accepted = 0;

    while (accepted < count && poll(&waiting, 1, 10000) == 1)
        accepted += accept(l->fd, NULL, NULL) >= 0; /* left open: the end of the process closes them */
    MUST_INT(accepted, count);
}

static pid_t fork_idle_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        (void)alarm(60); /* should the test end early */
        for (;;)
            (void)pause();
    }
    return child;
}

TEST(a_child_that_leaves_the_pool_alone_changes_nothing)
{
    full_listener l = fill();
    lock_sync_pool *p = pool_make();
    char url[40];
    account a;
    pid_t child;

    if (!is_full(&l))
        skip(); /* this system takes more connections than were asked for */
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", l.port);
    a = account_new(url);
    MUST_OK(lock_sync_set_connect_timeout_ms(a.ctx, 500));
    account_submit(&a, p);
    (void)pool_run_for(p, 100); /* it connects */
    child = fork_idle_child();
    MUST(child > 0);
    pool_run_account(&a);
    MUST(a.status != LOCK_SYNC_OK);
    accept_all(&l, FILLERS + 1); /* the last is the pool's, which the child holds */
    MUST(pool_run_for(p, 300) < 10);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    account_free(&a);
    pool_end(p);
    for (size_t i = 0; i < FILLERS; i++)
        (void)close(l.fillers[i]);
    (void)close(l.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_child_that_leaves_the_pool_alone_changes_nothing)};

    return T_MAIN(tests);
}
