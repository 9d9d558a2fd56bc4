/* Guards with stores that may block: called on one helper thread, without delaying other accounts. */
#include "stage.h"

#include <signal.h>
#include <string.h>

#define MANY 20
#define BLOCKED_MS (1000 * kit_slack()) /* a dispatch that waits for the store exceeds it */

TEST_ON_STAGE(stores_are_called_on_one_helper_thread_that_blocks_signals)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    size_t threads = kit_threads();
    pthread_t asker;

    stage_guard_each(all, MANY, s, 1, LOCK_SYNC_GUARD_WAIT);
    for (int i = 0; i < 3; i++)
        expect_fetches(all, MANY, p, LOCK_SYNC_OK);
    MUST(store_has_one_asker(s, &asker));
    MUST(!pthread_equal(asker, pthread_self()));
    MUST(!store_asker_takes(s, SIGTERM) && !store_asker_takes(s, SIGCHLD));
    MUST(kit_threads() >= threads + 1);
}

TEST_ON_STAGE(a_guard_in_memory_needs_no_thread)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, DEAD_URL);
    size_t threads = kit_threads();

    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], NULL, LOCK_SYNC_GUARD_FAIL);
    expect_fetches(all, MANY, p, LOCK_SYNC_E_CONNECT);
    MUST(kit_threads() <= threads); /* threads of an earlier test may have ended */
}

/* Checked by the simulator without any tolerance. */
TEST_ON_STAGE(a_file_guard_is_shared)
{
    static const char *const arguments[] = {"--static", "--min-interval-ms", "40", NULL};
    sim *server = stage_sim(arguments);
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, sim_url(server));
    const char *path = stage_text("%s/guard", stage_dir());

    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g;

        MUST_OK(lock_sync_guard_open_file(path, &g)); /* each account has a separate guard on the same file */
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, 40));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
    expect_fetches(all, MANY, p, LOCK_SYNC_OK); /* the simulator responds to a violation with 429 */
    MUST_INT(sim_ask_stats(server).syncs, MANY);
}

TEST_ON_STAGE(a_store_that_blocks_delays_no_other_account)
{
    raw_server *good = stage_server(NULL, 0);
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    account *blocked = stage_account(raw_url(good));
    account *all = stage_accounts(MANY, raw_url(good));
    bool has_descriptor = lock_sync_pool_fd(p) >= 0;
    int64_t began;

    store_block_at(s, 1);
    stage_guard_each(blocked, 1, s, 1000, LOCK_SYNC_GUARD_FAIL);
    account_submit(blocked, p);
    began = kit_now_ms();
    MUST_OK(pool_dispatch(p));
    MUST(kit_now_ms() - began < BLOCKED_MS);
    pool_run_until(p, store_is_waiting, s);
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], NULL, i % 2 == 0 ? LOCK_SYNC_GUARD_OFF : LOCK_SYNC_GUARD_FAIL);
    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 1) {
        MUST(!has_descriptor || pool_is_readable(p, 1000));
        began = kit_now_ms();
        (void)pool_step(p, 10);
        MUST(kit_now_ms() - began < BLOCKED_MS);
    }
    expect_ends(all, MANY, LOCK_SYNC_OK);
    expect_pending(blocked);
    (void)pool_run_for(p, 20);
    MUST(!has_descriptor || pool_run_for(p, 300) <= 2); /* and no busy loop */
    store_release(s);
    pool_run_all(p);
    expect_end(blocked, LOCK_SYNC_OK);
}

/* Notices the line that a response leaves in the log. */
static void note_response(void *has_response, lock_sync_log_level level, const char *message)
{
    (void)level;
    if (strncmp(message, "GET ", 4) == 0)
        *(bool *)has_response = true;
}

static bool is_true(void *flag)
{
    return *(const bool *)flag;
}

/* A request for a slot that waits for the helper thread is withdrawn. */
TEST_ON_STAGE(a_slot_that_waits_to_be_settled_is_settled_after_a_cancel)
{
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_RESPOND, RAW_END};
    static const raw_step *const scripts[] = {held};
    raw_server *server = stage_server(scripts, 1);
    store *s = stage_store();
    lock_sync_guard *g = stage_store_guard(s, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    account *asking = stage_account(DEAD_URL);
    static bool has_response; /* static: the context, which logs, outlives this function */
    int64_t wait_ms;

    account_guard(a, g, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_logger(a->ctx, note_response, &has_response));
    stage_guard_each(asking, 1, s, 1, LOCK_SYNC_GUARD_FAIL);
    account_submit(a, p);
    pool_run_until(p, server_is_asked, server);
    store_block_at(s, store_loads(s) + 1);
    account_submit(asking, p);
    pool_run_until(p, store_is_waiting, s);
    raw_release(server);
    pool_run_until(p, is_true, &has_response);
    lock_sync_cancel(a->ctx);
    (void)pool_run_for(p, 20);
    expect_pending(a);
    store_release(s);
    pool_run_all(p);
    expect_end(a, LOCK_SYNC_OK);
    MUST(lock_sync_guard_reserve(g, 0, &wait_ms, NULL) != LOCK_SYNC_E_GUARD);
    MUST_BETWEEN(wait_ms, 0, 1000); /* the rest of the interval, not of the lease */
}

/* The store is asked when the context is freed, and grants a slot; the other fetch must wait until that slot ends. */
TEST_ON_STAGE(the_slot_of_a_freed_context_wakes_the_first_in_the_queue)
{
    store *s = stage_store();
    lock_sync_guard *g = stage_store_guard(s, 60000);
    lock_sync_pool *p = stage_pool();
    account *freed = stage_account(DEAD_URL);
    account *next = stage_account(raw_url(stage_server(NULL, 0)));

    account_guard(freed, g, LOCK_SYNC_GUARD_FAIL);
    account_guard(next, g, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_set_timeout_ms(next->ctx, 120000));
    store_block_at(s, 1);
    account_submit(freed, p);
    pool_run_until(p, store_is_waiting, s);
    account_submit(next, p);
    MUST_OK(pool_dispatch(p)); /* asks for a slot as well */
    account_free(freed);
    store_release(s);
    pool_run_account(next);
    expect_end(next, LOCK_SYNC_OK);
}
