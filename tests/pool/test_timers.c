/* What the pool asks of the system's timer: this program stands before timerfd_settime, and counts. */
#include "accounts.h"

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

static account all[MANY];

TEST(many_submits_in_a_row_arm_the_timer_once)
{
    lock_sync_pool *p = pool_make();
    size_t before;

    accounts_make(all, MANY, "http://127.0.0.1:1");
    before = settings;
    accounts_submit(all, MANY, p);
    if (settings - before > 2)
        fail_msg("%d submits armed the timer %zu times", MANY, settings - before);
    pool_end(p);
    accounts_free(all, MANY);
}

TEST(a_dispatch_arms_the_timer_once_at_most)
{
    lock_sync_pool *p = pool_make();

    accounts_make(all, MANY, "http://127.0.0.1:1");
    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 0) {
        size_t before = settings;

        MUST_OK(pool_wait(p, 100));
        MUST(settings - before <= 1);
    }
    for (int i = 0; i < 10; i++) {
        size_t before = settings;

        MUST_OK(pool_dispatch(p)); /* nothing is new */
        MUST(i == 0 || settings == before);
    }
    pool_end(p);
    accounts_free(all, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(many_submits_in_a_row_arm_the_timer_once),
        T(a_dispatch_arms_the_timer_once_at_most),
    };

    return T_MAIN(tests);
}
