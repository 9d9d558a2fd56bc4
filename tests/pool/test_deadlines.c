/* Deadlines and cancels, wherever a fetch stands: queued by the pool, waiting inside libcurl for a connection,
   connecting, at a silent server, or asleep. */
#include "accounts.h"
#include "store.h"

#include <stdlib.h>

#define SHORT_MS (200 * kit_slack())
#define LATE_MS (100 * kit_slack())
#define MANY 6

static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
static const raw_step *const silent_scripts[] = {silent, silent, silent, silent, silent, silent, silent, silent,
                                                 silent, silent, silent, silent, silent, silent, silent, silent};
/* The first connection answers once: libcurl then knows that this server takes one request at a time. */
static const raw_step answers_once[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
static const raw_step *const then_silent_scripts[] = {answers_once, silent, silent, silent, silent, silent, silent};

static account all[MANY];

static bool is_asked(void *server)
{
    return raw_requests(server) > 0;
}

static bool only_one_is_left(void *pool)
{
    return lock_sync_pool_pending(pool) <= 1;
}

/* Each ends by its own deadline, all within the time that the last has. */
static void expect_timeouts(lock_sync_pool *p)
{
    int64_t began = kit_now_ms();

    for (size_t i = 0; i < MANY; i++) {
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, SHORT_MS * (int64_t)(MANY - i)));
        account_submit(&all[i], p);
    }
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        int64_t took = all[i].ended_ms - began;

        expect_end(&all[i], LOCK_SYNC_E_TIMEOUT);
        if (took < SHORT_MS * (int64_t)(MANY - i) - 2 || took > SHORT_MS * (int64_t)(MANY - i) + LATE_MS)
            fail_msg("the deadline of %d ms of account %zu took %d ms", (int)(SHORT_MS * (int64_t)(MANY - i)), i,
                     (int)took);
    }
}

TEST(fetches_in_the_pools_queue_end_by_their_own_deadlines)
{
    raw_server *quiet = raw_start(AF_INET, silent_scripts, COUNT_OF(silent_scripts));
    lock_sync_pool *p = pool_make();

    accounts_make(all, MANY, raw_url(quiet));
    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    expect_timeouts(p);
    MUST_INT(raw_requests(quiet), 1);
    accounts_free(all, MANY);
    pool_end(p);
    raw_stop(quiet);
}

/* More transfers than connections: libcurl keeps the rest waiting. */
TEST(fetches_that_wait_for_a_connection_end_by_their_own_deadlines)
{
    raw_server *quiet = raw_start(AF_INET, silent_scripts, COUNT_OF(silent_scripts));
    lock_sync_pool *p = pool_make();

    accounts_make(all, MANY, raw_url(quiet));
    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    expect_timeouts(p);
    accounts_free(all, MANY);
    pool_end(p);
    raw_stop(quiet);
}

TEST(fetches_at_a_silent_server_end_by_their_own_deadlines)
{
    raw_server *quiet = raw_start(AF_INET, then_silent_scripts, COUNT_OF(then_silent_scripts));
    lock_sync_pool *p = pool_make();
    account first = account_new(raw_url(quiet));

    account_submit(&first, p);
    pool_run_all(p);
    expect_end(&first, LOCK_SYNC_OK);
    accounts_make(all, MANY, raw_url(quiet));
    expect_timeouts(p);
    MUST_INT(raw_requests(quiet), 1 + MANY);
    accounts_free(all, MANY);
    account_free(&first);
    pool_end(p);
    raw_stop(quiet);
}

TEST(a_connection_that_nobody_takes_ends_by_the_connect_timeout)
{
    raw_full_port port = raw_full_port_open();
    lock_sync_pool *p = pool_make();
    account a = account_new(port.url);
    int64_t began = kit_now_ms();

    MUST_OK(lock_sync_set_connect_timeout_ms(a.ctx, SHORT_MS));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_TIMEOUT);
    MUST_BETWEEN(a.ended_ms - began, SHORT_MS - 2, SHORT_MS + LATE_MS);
    account_free(&a);
    pool_end(p);
    raw_full_port_close(&port);
}

/* One that is asleep is refused at once when it cannot wake in time, and waits inside its deadline else. */
TEST(the_wait_for_a_guard_counts_in_the_deadline)
{
    lock_sync_pool *p = pool_make();
    account a = account_new("http://127.0.0.1:1");
    lock_sync_guard *g;
    int64_t began = kit_now_ms();

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    account_guard(&a, g, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_set_timeout_ms(a.ctx, 5000));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(a.retry_after_ms, 15000, 20000);
    MUST(kit_now_ms() - began < 500 * kit_slack());
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
}

/* Plain http: the first account's answer does not come. That of the others does, at once. */
TEST(a_silent_first_answer_delays_no_other_account_of_the_host)
{
    raw_server *server = raw_start(AF_INET, silent_scripts, 1); /* silent once, then good */
    lock_sync_pool *p = pool_make();
    account slow = account_new(raw_url(server));
    int64_t began;

    account_submit(&slow, p);
    MUST(pool_run(p, is_asked, server, KIT_PATIENCE_MS));
    accounts_make(all, MANY, raw_url(server));
    for (size_t i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 2000 * kit_slack()));
    began = kit_now_ms();
    accounts_submit(all, MANY, p);
    (void)pool_run(p, only_one_is_left, p, 3000 * kit_slack());
    if (lock_sync_pool_pending(p) > 1)
        fail_msg("%zu accounts with deadlines of %d ms still wait for the first one's answer after %d ms",
                 lock_sync_pool_pending(p) - 1, (int)(2000 * kit_slack()), (int)(kit_now_ms() - began));
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_OK);
        MUST(all[i].ended_ms - began < 500 * kit_slack());
    }
    expect_pending(&slow);
    accounts_free(all, MANY);
    account_free(&slow);
    pool_end(p);
    raw_stop(server);
}

/* --- cancelling --- */

static void expect_cancelled_soon(account *a)
{
    int64_t began = kit_now_ms();

    lock_sync_cancel(a->ctx);
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_E_CANCELLED);
    MUST(a->ended_ms - began < LATE_MS);
}

TEST(each_of_many_is_cancelled_at_once)
{
    for (uint32_t active = 1; active <= MANY; active += MANY - 1)
        for (uint32_t connections = 1; connections <= MANY; connections += MANY - 1) {
            raw_server *quiet = raw_start(AF_INET, silent_scripts, COUNT_OF(silent_scripts));
            lock_sync_pool *p = pool_make();

            MUST_OK(lock_sync_pool_set_max_active(p, active));
            MUST_OK(lock_sync_pool_set_max_connections(p, connections, connections));
            accounts_make(all, MANY, raw_url(quiet));
            accounts_submit(all, MANY, p);
            MUST(pool_run(p, is_asked, quiet, KIT_PATIENCE_MS));
            for (size_t i = 0; i < MANY; i++) /* each at times active, at times waiting */
                expect_cancelled_soon(&all[(i * 5 + 3) % MANY]);
            MUST_INT(lock_sync_pool_pending(p), 0);
            accounts_free(all, MANY);
            pool_end(p);
            raw_stop(quiet);
        }
}

/* When one that has the only connection goes, the next gets one. */
TEST(a_cancel_makes_room_for_the_next)
{
    for (int i = 0; i < 2; i++) {
        raw_server *server = raw_start(AF_INET, silent_scripts, 1);
        lock_sync_pool *p = pool_make();
        account slow = account_new(raw_url(server));
        account next = account_new(raw_url(server));

        if (i == 0)
            MUST_OK(lock_sync_pool_set_max_active(p, 1));
        else
            MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
        account_submit(&slow, p);
        account_submit(&next, p);
        MUST(pool_run(p, is_asked, server, KIT_PATIENCE_MS));
        expect_pending(&next);
        expect_cancelled_soon(&slow);
        pool_run_account(&next);
        expect_end(&next, LOCK_SYNC_OK);
        account_free(&slow);
        account_free(&next);
        pool_end(p);
        raw_stop(server);
    }
}

/* --- behind a store that blocks --- */

TEST(what_waits_behind_a_blocked_store_ends_by_deadline_and_cancel)
{
    store *s = store_new();
    lock_sync_guard *blocked = store_guard(s, 1000);
    lock_sync_guard *guard = store_guard(s, 1000);
    lock_sync_pool *p = pool_make();
    account first = account_new("http://127.0.0.1:1");
    account late = account_new("http://127.0.0.1:1");
    account other = account_new("http://127.0.0.1:1");
    int64_t began = kit_now_ms();

    store_block_at(s, 1);
    account_guard(&first, blocked, LOCK_SYNC_GUARD_FAIL);
    account_guard(&late, guard, LOCK_SYNC_GUARD_FAIL);
    account_guard(&other, guard, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_timeout_ms(late.ctx, SHORT_MS));
    account_submit(&first, p);
    account_submit(&late, p);
    account_submit(&other, p);
    MUST(pool_run(p, store_is_waiting, s, KIT_PATIENCE_MS));
    lock_sync_cancel(other.ctx);
    (void)pool_run_for(p, 2 * SHORT_MS - (kit_now_ms() - began));
    store_release(s);
    pool_run_all(p);
    expect_end(&late, LOCK_SYNC_E_TIMEOUT);
    expect_end(&other, LOCK_SYNC_E_CANCELLED);
    if (other.ended_ms - began > SHORT_MS || late.ended_ms - began > SHORT_MS + LATE_MS)
        fail_msg("behind another account's store the cancel took %d ms, and the deadline of %d ms took %d",
                 (int)(other.ended_ms - began), (int)SHORT_MS, (int)(late.ended_ms - began));
    account_free(&first);
    account_free(&late);
    account_free(&other);
    lock_sync_guard_unref(blocked);
    lock_sync_guard_unref(guard);
    pool_end(p);
    store_free(s);
}

/* The answer has come, and only its slot is still to be settled: the fetch ends as it would have, with the answer's own
   detail. */
TEST(what_is_being_settled_ends_with_its_own_error)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {limited};

    for (int i = 0; i < 2; i++) {
        raw_server *server = raw_start(AF_INET, scripts, 1);
        store *s = store_new();
        lock_sync_guard *g = store_guard(s, 1000);
        lock_sync_pool *p = pool_make();
        account a = account_new(raw_url(server));

        store_block_at(s, 2);
        account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
        MUST_OK(lock_sync_set_timeout_ms(a.ctx, i == 0 ? SHORT_MS : 30000));
        account_submit(&a, p);
        MUST(pool_run(p, store_is_waiting, s, KIT_PATIENCE_MS));
        if (i == 1)
            lock_sync_cancel(a.ctx);
        (void)pool_run_for(p, 2 * SHORT_MS);
        expect_pending(&a);
        store_release(s);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_E_RATE_LIMITED);
        MUST_INT(a.http_status, 429);
        MUST_INT(a.retry_after_ms, 30000);
        account_free(&a);
        lock_sync_guard_unref(g);
        pool_end(p);
        store_free(s);
        raw_stop(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fetches_in_the_pools_queue_end_by_their_own_deadlines),
        T(fetches_that_wait_for_a_connection_end_by_their_own_deadlines),
        T(fetches_at_a_silent_server_end_by_their_own_deadlines),
        T(a_connection_that_nobody_takes_ends_by_the_connect_timeout),
        T(the_wait_for_a_guard_counts_in_the_deadline),
        T(a_silent_first_answer_delays_no_other_account_of_the_host),
        T(each_of_many_is_cancelled_at_once),
        T(a_cancel_makes_room_for_the_next),
        T(what_waits_behind_a_blocked_store_ends_by_deadline_and_cancel),
        T(what_is_being_settled_ends_with_its_own_error),
    };

    return T_MAIN(tests);
}
