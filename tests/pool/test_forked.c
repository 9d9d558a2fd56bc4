/* The application forks while a pool connects, and the child does not use the pool. The parent's pool must continue
   normally, also when libcurl closes a socket of which the child holds a copy. */
#include "stage.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Accepts the waiting connections, and those that the system tries again, until there are `count`. */
static void accept_all(const raw_full_port *port, size_t count)
{
    struct pollfd waiting = {.fd = port->listener, .events = POLLIN};
    size_t accepted = 0;

    while (accepted < count && poll(&waiting, 1, 10000) == 1)
        accepted += accept(port->listener, NULL, NULL) >= 0; /* left open: the end of the process closes them */
    MUST_INT(accepted, count);
}

static pid_t fork_idle_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        (void)alarm(60); /* in case the test ends early */
        for (;;)
            (void)pause();
    }
    return child;
}

TEST_ON_STAGE(a_forked_child_that_does_not_use_the_pool_changes_nothing)
{
    raw_full_port port = raw_full_port_open();
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(port.url);
    pid_t child;

    MUST_OK(lock_sync_set_connect_timeout_ms(a->ctx, 500 * kit_slack()));
    account_submit(a, p);
    pool_run_until(p, raw_full_port_is_tried, &port);
    child = fork_idle_child();
    MUST(child > 0);
    pool_run_account(a);
    MUST(a->status != LOCK_SYNC_OK);
    accept_all(&port, port.count + 1); /* the last is the pool's, whose copy the child holds */
    MUST(pool_run_for(p, 300) < 10);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    raw_full_port_close(&port);
}
