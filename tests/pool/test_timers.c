/* How often the pool sets the system's timer: this program interposes timerfd_settime, and counts. */
#include "stage.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/timerfd.h>

static size_t settings;

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
    static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
    void *symbol = dlsym(RTLD_NEXT, "timerfd_settime");

    memcpy(&real, &symbol, sizeof symbol);
    settings++;
    return real(fd, flags, when, before);
}

#define MANY 1000

TEST_ON_STAGE(submits_arm_the_timer_once_and_a_dispatch_at_most_once)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, DEAD_URL);
    size_t before = settings;

    accounts_submit(all, MANY, p);
    CHECK_BETWEEN(settings - before, 1, 2);
    while (lock_sync_pool_pending(p) > 0) {
        before = settings;
        MUST_OK(pool_wait(p, 100));
        MUST(settings - before <= 1);
    }
    for (int i = 0; i < 10; i++) {
        before = settings;
        MUST_OK(pool_dispatch(p)); /* nothing to do */
        MUST(i == 0 || settings == before);
    }
}
