/* The system refuses to watch one more socket (ENOSPC: the user's limit of watches). Some fetches may fail, but the
   pool must not. This program interposes epoll_ctl. */
#include "stage.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define MANY 10

static size_t failing; /* that many of the next additions fail */

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    void *symbol = dlsym(RTLD_NEXT, "epoll_ctl");

    memcpy(&real, &symbol, sizeof symbol);
    if (what == EPOLL_CTL_ADD && failing > 0) {
        failing--;
        errno = ENOSPC;
        return -1;
    }
    return real(epoll, what, fd, event);
}

static void run(account *all, lock_sync_pool *p)
{
    int64_t until = kit_now_ms() + 3000 * kit_slack();

    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 0 && kit_now_ms() < until)
        (void)pool_wait(p, 10); /* it may report the failure */
    MUST_INT(lock_sync_pool_pending(p), 0);
}

TEST_ON_STAGE(a_socket_that_cannot_be_watched_does_not_end_the_pool)
{
    static const char *const arguments[] = {"--static", NULL};
    account *all = stage_accounts(MANY, sim_url(stage_sim(arguments)));
    lock_sync_pool *p = stage_pool();

    for (size_t i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 1000));
    failing = 1;
    run(all, p);
    MUST_INT(failing, 0);
    run(all, p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
}
