/* Guards whose store has a channel: many decisions are on their way at once, and dispatch never waits. */
#include "stage.h"

#include <string.h>

#define MANY 20

static lock_sync_guard *channel_guard(store *s, int64_t interval_ms)
{
    lock_sync_guard *g = store_channel_guard(s, interval_ms);

    stage_later((void (*)(void *))lock_sync_guard_unref, g);
    return g;
}

static void guard_each(account *all, store *s, lock_sync_guard_mode mode)
{
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], channel_guard(s, 1), mode);
}

static bool all_are_open(void *s)
{
    return store_most_open(s) >= MANY;
}

TEST_ON_STAGE(the_decisions_of_many_guards_are_on_their_way_at_once)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();

    guard_each(all, s, LOCK_SYNC_GUARD_WAIT);
    store_block_at(s, 1);
    accounts_submit(all, MANY, p);
    pool_run_until(p, all_are_open, s);
    (void)pool_run_for(p, 20);
    MUST(lock_sync_pool_fd(p) < 0 || pool_run_for(p, 300) <= 2); /* no busy loop */
    store_release(s);
    pool_run_all(p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
    for (int i = 0; i < 3; i++)
        expect_fetches(all, MANY, p, LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_fetch_takes_two_round_trips_once_the_record_was_seen)
{
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    size_t before;

    account_guard(a, channel_guard(s, 1), LOCK_SYNC_GUARD_FAIL);
    expect_fetch(a, p, LOCK_SYNC_OK);
    MUST_INT(store_loads(s), 3); /* a look more, because there was no record */
    for (int i = 0; i < 3; i++) {
        (void)pool_run_for(p, 60); /* the interval, and the window of the last decision */
        before = store_loads(s);
        expect_fetch(a, p, LOCK_SYNC_OK);
        MUST_INT(store_loads(s) - before, 2);
    }
}

TEST_ON_STAGE(the_decisions_of_one_guard_are_made_one_after_another)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_guard *g = channel_guard(s, 1);
    lock_sync_pool *p = stage_pool();

    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
    MUST_INT(store_most_open(s), 1);
}

TEST_ON_STAGE(two_pools_share_a_guard)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_guard *g = channel_guard(s, 1);
    lock_sync_pool *pools[] = {stage_pool(), stage_pool()};

    for (size_t i = 0; i < MANY; i++) {
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
        account_submit(&all[i], pools[i % 2]);
    }
    while (lock_sync_pool_pending(pools[0]) + lock_sync_pool_pending(pools[1]) > 0)
        for (int i = 0; i < 2; i++)
            (void)pool_step(pools[i], 1);
    expect_ends(all, MANY, LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_decision_that_waits_for_another_is_withdrawn_at_once)
{
    account *first = stage_account(raw_url(stage_server(NULL, 0)));
    account *second = stage_account(DEAD_URL);
    store *s = stage_store();
    lock_sync_guard *g = channel_guard(s, 1);
    lock_sync_pool *p = stage_pool();

    account_guard(first, g, LOCK_SYNC_GUARD_FAIL);
    account_guard(second, g, LOCK_SYNC_GUARD_FAIL);
    store_block_at(s, 1);
    account_submit(first, p);
    pool_run_until(p, store_is_waiting, s);
    account_submit(second, p);
    MUST_OK(pool_dispatch(p));
    lock_sync_cancel(second->ctx);
    pool_run_account(second);
    expect_end(second, LOCK_SYNC_E_CANCELLED);
    expect_pending(first);
    store_release(s);
    pool_run_account(first);
    expect_end(first, LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_lost_connection_fails_the_decisions_on_their_way)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();

    guard_each(all, s, LOCK_SYNC_GUARD_WAIT);
    store_block_at(s, 1);
    accounts_submit(all, MANY, p);
    pool_run_until(p, all_are_open, s);
    store_break(s, true);
    store_release(s);
    pool_run_all(p);
    expect_ends(all, MANY, LOCK_SYNC_E_GUARD);
    MUST(strstr(all[0].message, "the connection was lost") != NULL);
    expect_fetches(all, MANY, p, LOCK_SYNC_E_GUARD); /* and while there is no connection */
    store_break(s, false);
    expect_fetches(all, MANY, p, LOCK_SYNC_OK);
}

TEST_ON_STAGE(an_outcome_that_is_lost_is_kept)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST,
        RAW_SEND_TEXT("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {limited};
    account *a = stage_account(raw_url(stage_server(scripts, 1)));
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();

    account_guard(a, channel_guard(s, 1), LOCK_SYNC_GUARD_FAIL);
    store_block_at(s, 3);
    account_submit(a, p);
    pool_run_until(p, store_is_waiting, s); /* the outcome is on its way */
    store_break(s, true);
    store_release(s);
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_E_RATE_LIMITED);
    store_break(s, false);
    expect_fetch(a, p, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(a->retry_after_ms, 90000, 101000); /* the block begins at the end of the window */
}

TEST_ON_STAGE(freeing_the_pool_waits_a_second_for_a_store_that_hangs)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_pool *p = pool_make();
    int64_t began_ms;

    guard_each(all, s, LOCK_SYNC_GUARD_WAIT);
    store_block_at(s, 1);
    accounts_submit(all, MANY, p);
    pool_run_until(p, all_are_open, s);
    began_ms = kit_now_ms();
    pool_end(p);
    MUST_BETWEEN(kit_now_ms() - began_ms, 900, 1000 + 1000 * kit_slack());
    expect_ends(all, MANY, LOCK_SYNC_E_CANCELLED);
    store_release(s);
}

TEST_ON_STAGE(freeing_the_pool_gives_back_the_slots_that_are_granted_meanwhile)
{
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    store *s = stage_store();
    lock_sync_guard *g = channel_guard(s, 60000);
    lock_sync_pool *p = pool_make();
    int64_t wait_ms;

    account_guard(a, g, LOCK_SYNC_GUARD_FAIL);
    store_block_at(s, 2); /* the first record, with the slot */
    account_submit(a, p);
    pool_run_until(p, store_is_waiting, s);
    lock_sync_cancel(a->ctx);
    (void)pool_run_for(p, 20);
    store_block_at(s, 0);
    pool_end(p);
    expect_end(a, LOCK_SYNC_E_CANCELLED);
    MUST_OK(lock_sync_guard_reserve(g, 0, &wait_ms, NULL));
}
