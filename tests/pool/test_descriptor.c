/* The pool's descriptor: readable when there is something to do and only then, level-triggered, also inside another
   epoll; and lock_sync_pool_wait(), which honours its time. */
#include "accounts.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
static const raw_step *const silent_scripts[] = {silent, silent, silent, silent};
static raw_server *good;

static int begin(void **user)
{
    (void)user;
    good = raw_start(AF_INET, NULL, 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    raw_stop(good);
    return 0;
}

TEST(it_is_one_descriptor_for_life)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    int fd = lock_sync_pool_fd(p);

    MUST(fd >= 0);
    for (int i = 0; i < 3; i++) {
        account_submit(&a, p);
        MUST_INT(lock_sync_pool_fd(p), fd);
        pool_run_all(p);
        MUST_INT(lock_sync_pool_fd(p), fd);
    }
    account_free(&a);
    pool_end(p);
}

TEST(it_is_quiet_without_work_and_readable_with)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));

    MUST(!pool_is_readable(p, 20));
    account_submit(&a, p);
    for (int i = 0; i < 3; i++)
        MUST(pool_is_readable(p, 0)); /* as long as nobody dispatches */
    pool_run_all(p);
    (void)pool_run_for(p, 20);
    MUST(!pool_is_readable(p, 300));
    MUST(pool_run_for(p, 500) <= 2); /* an idle connection is kept, and costs nothing */
    account_free(&a);
    pool_end(p);
}

TEST(fetches_that_wait_cost_no_dispatches)
{
    raw_server *quiet = raw_start(AF_INET, silent_scripts, 4);
    lock_sync_pool *p = pool_make();
    account asleep[20];
    account active;
    lock_sync_guard *g;
    size_t count;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    accounts_make(asleep, 20, raw_url(good));
    active = account_new(raw_url(quiet));
    for (size_t i = 0; i < 20; i++)
        account_guard(&asleep[i], g, LOCK_SYNC_GUARD_WAIT);
    accounts_submit(asleep, 20, p);
    account_submit(&active, p);
    (void)pool_run_for(p, 300);
    raw_wait_requests(quiet, 1);
    count = pool_run_for(p, 1000);
    if (count > 5)
        fail_msg("%zu dispatches in a second in which nothing happens", count);
    accounts_free(asleep, 20);
    account_free(&active);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(quiet);
}

/* The kept connection is told to be closed once; the next fetch makes another. */
TEST(a_kept_connection_that_is_closed_is_no_work_for_ever)
{
    static const raw_step keep_and_close[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_HOLD, RAW_END};
    static const raw_step *const scripts[] = {keep_and_close};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));

    for (int i = 0; i < 2; i++) {
        account_submit(&a, p);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_OK);
        (void)pool_run_for(p, 20); /* what is left to do */
        MUST(!pool_is_readable(p, 50));
        raw_release(server);
        if (i == 0)
            MUST(pool_run_for(p, 300) <= 3);
    }
    MUST_INT(raw_connections(server), 2);
    account_free(&a);
    pool_end(p);
    raw_stop(server);
}

TEST(it_is_level_triggered_inside_another_epoll)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    struct epoll_event event = {.events = EPOLLIN};
    int outer = epoll_create1(EPOLL_CLOEXEC);
    int n = 0;

    MUST_INT(epoll_ctl(outer, EPOLL_CTL_ADD, lock_sync_pool_fd(p), &event), 0);
    MUST_INT(epoll_wait(outer, &event, 1, 10), 0);
    account_submit(&a, p);
    for (int i = 0; i < 3; i++)
        MUST_INT(epoll_wait(outer, &event, 1, 0), 1);
    while (lock_sync_pool_pending(p) > 0 && n++ < 1000)
        if (epoll_wait(outer, &event, 1, 1000) == 1)
            MUST_OK(pool_dispatch(p));
    expect_end(&a, LOCK_SYNC_OK);
    account_free(&a);
    pool_end(p);
    (void)close(outer);
}

/* While those that run stay silent, so that their origin is on trial. */
TEST(a_raised_limit_lets_those_begin_that_wait)
{
    for (int connections = 0; connections < 2; connections++) {
        raw_server *quiet = raw_start(AF_INET, silent_scripts, 4);
        lock_sync_pool *p = pool_make();
        account all[4];

        accounts_make(all, 4, raw_url(quiet));
        MUST_OK(connections ? lock_sync_pool_set_max_connections(p, 1, 4) : lock_sync_pool_set_max_active(p, 1));
        MUST(!pool_is_readable(p, 0));
        accounts_submit(all, 4, p);
        (void)pool_run_for(p, 50);
        raw_wait_requests(quiet, 1);
        MUST(!pool_is_readable(p, 20));
        MUST_INT(raw_requests(quiet), 1);
        MUST_OK(connections ? lock_sync_pool_set_max_connections(p, 4, 16) : lock_sync_pool_set_max_active(p, 16));
        MUST(pool_is_readable(p, 100));
        (void)pool_run_for(p, 50);
        raw_wait_requests(quiet, 4);
        accounts_free(all, 4);
        pool_end(p);
        raw_stop(quiet);
    }
}

typedef struct cancelling {
    raw_server *server;
    lock_sync_ctx *ctx;
    int64_t at_us;
} cancelling;

static void *cancel_once_asked(void *user)
{
    cancelling *c = user;

    raw_wait_requests(c->server, 1);
    c->at_us = kit_now_us();
    lock_sync_cancel(c->ctx);
    return NULL;
}

TEST(a_cancel_from_another_thread_wakes_it)
{
    for (int waiting = 0; waiting < 2; waiting++) {
        raw_server *quiet = raw_start(AF_INET, silent_scripts, 4);
        lock_sync_pool *p = pool_make();
        account a = account_new(raw_url(quiet));
        cancelling c = {quiet, a.ctx, 0};
        pthread_t other;

        account_submit(&a, p);
        MUST_INT(pthread_create(&other, NULL, cancel_once_asked, &c), 0);
        while (lock_sync_pool_pending(p) > 0) {
            if (waiting) {
                MUST_OK(pool_wait(p, -1));
            } else {
                MUST(pool_is_readable(p, 5000));
                MUST_OK(pool_dispatch(p));
            }
        }
        MUST_INT(pthread_join(other, NULL), 0);
        MUST(a.ended_ms - c.at_us / 1000 < 100 * kit_slack());
        expect_end(&a, LOCK_SYNC_E_CANCELLED);
        account_free(&a);
        pool_end(p);
        raw_stop(quiet);
    }
}

TEST(wait_honours_its_time)
{
    raw_server *quiet = raw_start(AF_INET, silent_scripts, 4);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(quiet));

    for (int pending = 0; pending < 2; pending++) {
        static const int64_t times[] = {0, 1, 50, 200};

        for (size_t i = 0; i < COUNT_OF(times); i++) {
            int64_t began = kit_now_ms();

            MUST_OK(pool_wait(p, times[i]));
            MUST_BETWEEN(kit_now_ms() - began + 1, times[i], times[i] + 50 * kit_slack());
        }
        if (pending == 0) {
            account_submit(&a, p);
            (void)pool_run_for(p, 300);
        }
    }
    expect_pending(&a);
    account_free(&a);
    pool_end(p);
    raw_stop(quiet);
}

/* A deadline, too, is something to do. */
TEST(wait_without_end_returns_for_a_deadline)
{
    raw_server *quiet = raw_start(AF_INET, silent_scripts, 4);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(quiet));

    MUST_OK(lock_sync_set_timeout_ms(a.ctx, 200));
    account_submit(&a, p);
    while (lock_sync_pool_pending(p) > 0)
        MUST_OK(pool_wait(p, INT64_MAX));
    expect_end(&a, LOCK_SYNC_E_TIMEOUT);
    account_free(&a);
    pool_end(p);
    raw_stop(quiet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_one_descriptor_for_life),
        T(it_is_quiet_without_work_and_readable_with),
        T(fetches_that_wait_cost_no_dispatches),
        T(a_kept_connection_that_is_closed_is_no_work_for_ever),
        T(it_is_level_triggered_inside_another_epoll),
        T(a_raised_limit_lets_those_begin_that_wait),
        T(a_cancel_from_another_thread_wakes_it),
        T(wait_honours_its_time),
        T(wait_without_end_returns_for_a_deadline),
    };

    return T_MAIN_IN(tests, begin, end);
}
