/* Guards in a pool over real sockets: slots are settled by what was sent, and the fetches that wait for one guard
   form a queue. For modes and slots see tests/guard and tests/simulation. */
#include "stage.h"

#include <unistd.h>

/* Three refunds in a row; the fourth keeps its slot. */
TEST_ON_STAGE(a_refused_connection_refunds_its_slot)
{
    uint16_t port;
    int port_fd = raw_dead_port(&port);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(stage_text("http://127.0.0.1:%u", port));

    account_guard(a, stage_guard(20000), LOCK_SYNC_GUARD_FAIL);
    for (int i = 0; i < 4; i++)
        expect_fetch(a, p, LOCK_SYNC_E_CONNECT);
    expect_fetch(a, p, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(a->retry_after_ms, 15000, 20000);
    (void)close(port_fd);
}

/* A fetch cancelled in the queue sent nothing; one cancelled at the server did. */
TEST_ON_STAGE(a_cancel_settles_by_what_was_sent)
{
    raw_server *server = stage_silent_server(1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    account_guard(a, stage_guard(20000), LOCK_SYNC_GUARD_FAIL);
    for (int sent = 0; sent < 2; sent++) {
        account_submit(a, p);
        if (sent)
            pool_run_until(p, server_is_asked, server);
        lock_sync_cancel(a->ctx);
        pool_run_all(p);
        expect_end(a, LOCK_SYNC_E_CANCELLED);
    }
    expect_fetch(a, p, LOCK_SYNC_E_TOO_SOON);
}

/* --- queues --- */

/* Checked by the simulator without any tolerance. */
TEST_ON_STAGE(waiting_fetches_of_one_guard_are_sent_one_per_interval_in_order)
{
    enum { INTERVAL_MS = 60, COUNT = 20 };
    static const char *const arguments[] = {"--static", "--min-interval-ms", "60", NULL};
    sim *server = stage_sim(arguments);
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(COUNT, sim_url(server));
    lock_sync_guard *guard = stage_guard(INTERVAL_MS);
    int64_t began = kit_now_ms();

    for (size_t i = 0; i < COUNT; i++)
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
    expect_fetches(all, COUNT, p, LOCK_SYNC_OK); /* the simulator responds to a violation with 429 */
    CHECK_BETWEEN(kit_now_ms() - began, (COUNT - 1) * INTERVAL_MS, 2 * COUNT * INTERVAL_MS * kit_slack());
    CHECK_INT(sim_ask_stats(server).syncs, COUNT);
    for (size_t i = 1; i < COUNT; i++)
        CHECK_INT(all[i].order, all[i - 1].order + 1);
}

TEST_ON_STAGE(a_refunded_slot_wakes_the_first_in_the_queue)
{
    raw_full_port port = raw_full_port_open();
    lock_sync_pool *p = stage_pool();
    account *connecting = stage_account(port.url);
    account *next = stage_account(raw_url(stage_server(NULL, 0)));
    lock_sync_guard *guard = stage_guard(20000);
    int64_t began;

    account_guard(connecting, guard, LOCK_SYNC_GUARD_WAIT);
    account_guard(next, guard, LOCK_SYNC_GUARD_WAIT);
    account_submit(connecting, p);
    pool_run_until(p, raw_full_port_is_tried, &port);
    account_submit(next, p);
    (void)pool_run_for(p, 50);
    expect_pending(next);
    began = kit_now_ms();
    lock_sync_cancel(connecting->ctx);
    pool_run_all(p);
    expect_end(next, LOCK_SYNC_OK);
    MUST(next->ended_ms - began < 1000 * kit_slack());
    raw_full_port_close(&port);
}

/* The decision for the first in the queue decides for all behind it. */
TEST_ON_STAGE(a_fetch_that_would_wait_beyond_its_deadline_fails_as_soon_as_that_is_known)
{
    enum { INTERVAL_MS = 600, COUNT = 5 };
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(COUNT, raw_url(stage_server(NULL, 0)));
    lock_sync_guard *guard = stage_guard(INTERVAL_MS);

    for (size_t i = 0; i < COUNT; i++)
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_set_timeout_ms(all[3].ctx, 300));
    MUST_OK(lock_sync_set_timeout_ms(all[4].ctx, 1000));
    expect_fetch(&all[0], p, LOCK_SYNC_OK);
    accounts_submit(&all[1], COUNT - 1, p);
    pool_run_all(p);
    expect_ends(&all[1], 2, LOCK_SYNC_OK);
    expect_ends(&all[3], 2, LOCK_SYNC_E_TOO_SOON);
    MUST(all[3].order < all[1].order); /* at once */
    MUST(all[4].order < all[2].order); /* when the second got its decision */
    MUST(all[4].retry_after_ms > 0);
}

static bool has_loaded_thrice(void *user)
{
    return store_loads(user) == 3; /* two for the fetch before */
}

TEST_ON_STAGE(only_the_first_waiting_fetch_asks_the_guard)
{
    enum { COUNT = 5 };
    lock_sync_pool *p = stage_pool();
    store *s = stage_store();
    lock_sync_guard *guard = stage_store_guard(s, 60000);
    account *all = stage_accounts(COUNT, raw_url(stage_server(NULL, 0)));

    for (size_t i = 0; i < COUNT; i++) {
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 120000));
    }
    expect_fetch(&all[0], p, LOCK_SYNC_OK);
    account_submit(&all[1], p);
    pool_run_until(p, has_loaded_thrice, s);
    (void)pool_run_for(p, 50 * kit_slack()); /* it got its decision, and sleeps */
    accounts_submit(&all[2], COUNT - 2, p);
    (void)pool_run_for(p, 50);
    MUST_INT(store_loads(s), 3);
    for (size_t i = 1; i < COUNT; i++)
        expect_pending(&all[i]);
}
