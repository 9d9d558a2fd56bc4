/* The system refuses to watch one more socket (ENOSPC: the user's limit of watches): that is a failure of some fetches,
   not the end of the pool. This program stands before epoll_ctl. */
#include "accounts.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define MANY 10

static account all[MANY];
static size_t failing; /* so many additions to come fail */

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

static bool is_over(void *pool)
{
    return lock_sync_pool_pending(pool) == 0;
}

static void run(lock_sync_pool *p)
{
    int64_t until = kit_now_ms() + 3000 * kit_slack();

    accounts_submit(all, MANY, p);
    while (!is_over(p) && kit_now_ms() < until)
        (void)pool_wait(p, 10); /* it may tell of the failure */
}

TEST(a_socket_that_cannot_be_watched_does_not_end_the_pool)
{
    static const char *const arguments[] = {"--static", NULL};
    sim *server = sim_start(arguments);
    lock_sync_pool *p = pool_make();
    size_t failed = 0;

    accounts_make(all, MANY, sim_url(server));
    for (size_t i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 1000));
    failing = 1;
    run(p);
    MUST_INT(failing, 0);
    MUST_INT(lock_sync_pool_pending(p), 0);
    for (size_t i = 0; i < MANY; i++)
        failed += all[i].status != LOCK_SYNC_OK;
    if (failed > 1)
        print_error("%zu of %d fetches failed with it: %s\n", failed, MANY, all[MANY - 1].message);
    run(p);
    MUST_INT(lock_sync_pool_pending(p), 0);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    accounts_free(all, MANY);
    pool_end(p);
    sim_stop(server, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_socket_that_cannot_be_watched_does_not_end_the_pool)};

    return T_MAIN(tests);
}
