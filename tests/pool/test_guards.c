/* Guards in a pool, with the simulator as the judge: WAIT sleeps on a timer, FAIL and CACHED end by callback, a guard
   shared by many contexts lets one through per interval, and slots are settled as in a blocking fetch. */
#include "accounts.h"

#include <stdlib.h>
#include <unistd.h>

#define MANY 20
#define INTERVAL_MS 60

static account all[MANY];

static lock_sync_guard *guard_of(int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return g;
}

TEST(a_waiting_fetch_sleeps_without_a_thread_and_starts_when_the_guard_opens)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    size_t threads = kit_threads();
    int64_t began;

    accounts_make(all, MANY, raw_url(server));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g = guard_of(300);

        MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
    began = kit_now_ms();
    accounts_submit(all, MANY, p);
    (void)pool_run_for(p, 100);
    MUST(kit_threads() <= threads);
    MUST_INT(raw_requests(server), 0);
    MUST_INT(lock_sync_pool_pending(p), MANY);
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_OK);
        MUST_BETWEEN(all[i].ended_ms - began, 280, 300 + 200 * kit_slack());
    }
    accounts_free(all, MANY);
    pool_end(p);
    raw_stop(server);
}

TEST(a_refusal_comes_by_callback)
{
    lock_sync_pool *p = pool_make();
    account a = account_new("http://127.0.0.1:1");
    lock_sync_guard *g = guard_of(20000);

    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    account_submit(&a, p);
    expect_pending(&a);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(a.retry_after_ms, 15000, 20000);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
}

TEST(a_cached_answer_comes_by_callback)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));

    account_guard(&a, NULL, LOCK_SYNC_GUARD_CACHED);
    for (int i = 0; i < 3; i++) {
        account_submit(&a, p);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_OK);
        MUST_INT(a.cached, i > 0);
        MUST_INT(a.locks, 2);
    }
    MUST_INT(raw_requests(server), 1);
    account_free(&a);
    pool_end(p);
    raw_stop(server);
}

/* One at a time, an interval apart: in the simulator's count, without any tolerance. */
TEST(a_shared_guard_lets_one_through_per_interval)
{
    char *interval = kit_text("%d", INTERVAL_MS);
    const char *const arguments[] = {"--static", "--min-interval-ms", interval, NULL};
    sim *server = sim_start(arguments);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *g = guard_of(INTERVAL_MS);
    int64_t began = kit_now_ms();

    accounts_make(all, MANY, sim_url(server));
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK); /* a violation would have been a 429 */
    MUST(kit_now_ms() - began >= (MANY - 1) * INTERVAL_MS);
    MUST(kit_now_ms() - began < (2 * MANY * INTERVAL_MS) * kit_slack());
    MUST_INT(sim_ask_stats(server).syncs, MANY);
    accounts_free(all, MANY);
    lock_sync_guard_unref(g);
    pool_end(p);
    sim_stop(server, NULL);
    free(interval);
}

/* --- settling --- */

TEST(a_429_blocks_all_who_share_the_guard)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {limited};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *g = guard_of(1);
    account a = account_new(raw_url(server));
    account b = account_new(raw_url(server));

    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    account_guard(&b, g, LOCK_SYNC_GUARD_FAIL);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_RATE_LIMITED);
    (void)pool_run_for(p, 20);
    account_submit(&b, p);
    pool_run_all(p);
    expect_end(&b, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(b.retry_after_ms, 25000, 30000);
    MUST_INT(raw_requests(server), 1);
    account_free(&a);
    account_free(&b);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(server);
}

/* Three refunds in a row; the fourth keeps its slot. */
TEST(a_refused_connection_gives_its_slot_back)
{
    uint16_t port;
    int keeper = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", port);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *g = guard_of(20000);
    account a = account_new(url);

    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    for (int i = 0; i < 5; i++) {
        account_submit(&a, p);
        pool_run_all(p);
        expect_end(&a, i < 4 ? LOCK_SYNC_E_CONNECT : LOCK_SYNC_E_TOO_SOON);
    }
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    free(url);
    (void)close(keeper);
}

/* What was cancelled in the queue sent nothing; what was cancelled at the server did. */
TEST(a_cancel_settles_by_what_was_sent)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *g = guard_of(20000);
    account a = account_new(raw_url(server));

    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    account_submit(&a, p);
    lock_sync_cancel(a.ctx);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_CANCELLED);
    account_submit(&a, p);
    while (raw_requests(server) == 0)
        (void)pool_wait(p, 5);
    lock_sync_cancel(a.ctx);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_CANCELLED);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_TOO_SOON);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_waiting_fetch_sleeps_without_a_thread_and_starts_when_the_guard_opens),
        T(a_refusal_comes_by_callback),
        T(a_cached_answer_comes_by_callback),
        T(a_shared_guard_lets_one_through_per_interval),
        T(a_429_blocks_all_who_share_the_guard),
        T(a_refused_connection_gives_its_slot_back),
        T(a_cancel_settles_by_what_was_sent),
    };

    return T_MAIN(tests);
}
