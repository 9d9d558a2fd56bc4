/* The pool's descriptor is readable only when there is something to do. It is level-triggered, also inside another
   epoll. lock_sync_pool_wait() returns in time. */
#include "stage.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

TEST_ON_STAGE(the_descriptor_is_readable_only_when_there_is_work)
{
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    int fd = lock_sync_pool_fd(p);

    MUST(fd >= 0);
    MUST(!pool_is_readable(p, 20));
    account_submit(a, p);
    for (int i = 0; i < 3; i++)
        MUST(pool_is_readable(p, 0)); /* until it is dispatched */
    pool_run_all(p);
    (void)pool_run_for(p, 20);
    MUST(!pool_is_readable(p, 300));
    MUST(pool_run_for(p, 500) <= 2); /* an idle connection is kept without work */
    MUST_INT(lock_sync_pool_fd(p), fd);
}

TEST_ON_STAGE(waiting_fetches_need_no_dispatches)
{
    raw_server *quiet = stage_silent_server(1);
    lock_sync_pool *p = stage_pool();
    account *asleep = stage_accounts(20, DEAD_URL);
    account *active = stage_account(raw_url(quiet));
    lock_sync_guard *g = stage_used_guard(20000);
    size_t threads = kit_threads();

    for (size_t i = 0; i < 20; i++)
        account_guard(&asleep[i], g, LOCK_SYNC_GUARD_WAIT);
    accounts_submit(asleep, 20, p);
    account_submit(active, p);
    pool_run_until(p, server_is_asked, quiet);
    (void)pool_run_for(p, 300);         /* finish the rest of the work */
    MUST(kit_threads() <= threads + 1); /* the server's thread */
    CHECK_BETWEEN(pool_run_for(p, 1000), 0, 5);
}

/* The closed connection makes the descriptor readable once; the next fetch opens another. */
TEST_ON_STAGE(a_kept_connection_that_is_closed_causes_work_only_once)
{
    static const raw_step keep_and_close[] = {RAW_READ_REQUEST, RAW_RESPOND, RAW_HOLD, RAW_END};
    static const raw_step *const scripts[] = {keep_and_close};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    for (int i = 0; i < 2; i++) {
        expect_fetch(a, p, LOCK_SYNC_OK);
        (void)pool_run_for(p, 20); /* finish the rest of the work */
        MUST(!pool_is_readable(p, 50));
        raw_release(server);
        if (i == 0)
            MUST(pool_run_for(p, 300) <= 3);
    }
    MUST_INT(raw_connections(server), 2);
}

TEST_ON_STAGE(the_descriptor_is_level_triggered_inside_another_epoll)
{
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    struct epoll_event event = {.events = EPOLLIN};
    int outer = epoll_create1(EPOLL_CLOEXEC);
    int n = 0;

    MUST_INT(epoll_ctl(outer, EPOLL_CTL_ADD, lock_sync_pool_fd(p), &event), 0);
    MUST_INT(epoll_wait(outer, &event, 1, 10), 0);
    account_submit(a, p);
    for (int i = 0; i < 3; i++)
        MUST_INT(epoll_wait(outer, &event, 1, 0), 1);
    while (lock_sync_pool_pending(p) > 0 && n++ < 1000)
        if (epoll_wait(outer, &event, 1, 1000) == 1)
            MUST_OK(pool_dispatch(p));
    expect_end(a, LOCK_SYNC_OK);
    (void)close(outer);
}

static bool is_asked_by_four(void *server)
{
    return raw_requests(server) == 4;
}

/* The running fetches get no response, so their origin stays on trial. */
TEST_ON_STAGE(a_raised_limit_starts_waiting_fetches)
{
    for (int connections = 0; connections < 2; connections++) {
        raw_server *quiet = stage_silent_server(4);
        lock_sync_pool *p = stage_pool();
        account *all = stage_accounts(4, raw_url(quiet));

        MUST_OK(connections ? lock_sync_pool_set_max_connections(p, 1, 4) : lock_sync_pool_set_max_active(p, 1));
        MUST(!pool_is_readable(p, 0));
        accounts_submit(all, 4, p);
        pool_run_until(p, server_is_asked, quiet);
        (void)pool_run_for(p, 50);
        MUST(!pool_is_readable(p, 20));
        MUST_INT(raw_requests(quiet), 1);
        MUST_OK(connections ? lock_sync_pool_set_max_connections(p, 4, 16) : lock_sync_pool_set_max_active(p, 16));
        MUST(pool_is_readable(p, 100));
        pool_run_until(p, is_asked_by_four, quiet);
        (void)stage_clear(NULL);
    }
}

typedef struct cancelling {
    raw_server *server;
    lock_sync_ctx *ctx;
    int64_t at_ms;
} cancelling;

static void *cancel_once_asked(void *user)
{
    cancelling *c = user;

    raw_wait_requests(c->server, 1);
    c->at_ms = kit_now_ms();
    lock_sync_cancel(c->ctx);
    return NULL;
}

TEST_ON_STAGE(a_cancel_from_another_thread_wakes_the_pool)
{
    for (int waiting = 0; waiting < 2; waiting++) {
        raw_server *quiet = stage_silent_server(1);
        lock_sync_pool *p = stage_pool();
        account *a = stage_account(raw_url(quiet));
        cancelling c = {quiet, a->ctx, 0};
        pthread_t other;

        account_submit(a, p);
        MUST_INT(pthread_create(&other, NULL, cancel_once_asked, &c), 0);
        while (lock_sync_pool_pending(p) > 0) {
            MUST(waiting || pool_is_readable(p, 5000));
            MUST_OK(waiting ? pool_wait(p, -1) : pool_dispatch(p));
        }
        MUST_INT(pthread_join(other, NULL), 0);
        MUST(a->ended_ms - c.at_ms < 1000 * kit_slack());
        expect_end(a, LOCK_SYNC_E_CANCELLED);
        (void)stage_clear(NULL);
    }
}

TEST_ON_STAGE(wait_returns_after_its_time)
{
    static const int64_t times[] = {0, 1, 50, 200};
    lock_sync_pool *p = stage_pool();
    raw_server *quiet = stage_silent_server(1);
    account *a = stage_account(raw_url(quiet));

    for (size_t i = 0; i < 2 * COUNT_OF(times); i++) {
        int64_t ms = times[i % COUNT_OF(times)];
        int64_t began;

        if (i == COUNT_OF(times)) { /* and once with a pending fetch */
            account_submit(a, p);
            pool_run_until(p, server_is_asked, quiet);
            (void)pool_run_for(p, 300);
        }
        began = kit_now_ms();
        MUST_OK(pool_wait(p, ms));
        MUST_BETWEEN(kit_now_ms() - began + 1, ms, ms + 500 * kit_slack());
    }
    expect_pending(a);
}

/* A deadline is something to do, too. */
TEST_ON_STAGE(an_unlimited_wait_returns_for_a_deadline)
{
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(stage_silent_server(1)));

    MUST_OK(lock_sync_set_timeout_ms(a->ctx, 200));
    account_submit(a, p);
    while (lock_sync_pool_pending(p) > 0)
        MUST_OK(pool_wait(p, INT64_MAX));
    expect_end(a, LOCK_SYNC_E_TIMEOUT);
}
