/* Deadlines and cancels over real sockets: queued by the pool, waiting for a connection, at a silent server, behind
   a store that blocks. */
#include "stage.h"

#define SHORT_MS (200 * kit_slack())
#define LATE_MS (400 * kit_slack())
#define MANY 6

/* With more fetches than transfers or connections, or with as many, each ends by its own deadline. */
TEST_ON_STAGE(fetches_at_a_silent_server_end_by_their_own_deadlines)
{
    static const struct {
        const char *name;
        uint32_t active;
        uint32_t connections;
        size_t requests;
    } rows[] = {
        {"one transfer", 1, 64, 1},
        {"one connection", 128, 1, 1},
        {"connections for all", 128, 64, MANY},
    };

    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        raw_server *quiet = stage_silent_server(16);
        lock_sync_pool *p = stage_pool();
        account *all = stage_accounts(MANY, raw_url(quiet));
        int64_t began = kit_now_ms();

        t_row("%s", rows[row].name);
        MUST_OK(lock_sync_pool_set_max_active(p, rows[row].active));
        MUST_OK(lock_sync_pool_set_max_connections(p, rows[row].connections, rows[row].connections));
        for (size_t i = 0; i < MANY; i++) {
            MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, SHORT_MS * (int64_t)(MANY - i)));
            account_submit(&all[i], p);
        }
        pool_run_all(p);
        expect_ends(all, MANY, LOCK_SYNC_E_TIMEOUT);
        for (size_t i = 0; i < MANY; i++) {
            int64_t deadline = SHORT_MS * (int64_t)(MANY - i);

            CHECK_BETWEEN(all[i].ended_ms - began, deadline - 2, deadline + LATE_MS);
        }
        CHECK_INT(raw_requests(quiet), rows[row].requests);
        (void)stage_clear(NULL);
    }
}

static bool only_one_is_left(void *pool)
{
    return lock_sync_pool_pending(pool) <= 1;
}

/* Plain http: the first account gets no response. The others get theirs at once. */
TEST_ON_STAGE(a_missing_first_response_delays_no_other_account_of_the_origin)
{
    raw_server *server = stage_silent_server(1);
    lock_sync_pool *p = stage_pool();
    account *slow = stage_account(raw_url(server));
    account *all = stage_accounts(MANY, raw_url(server));
    int64_t began;

    account_submit(slow, p);
    pool_run_until(p, server_is_asked, server);
    began = kit_now_ms();
    accounts_submit(all, MANY, p);
    pool_run_until(p, only_one_is_left, p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
    MUST(kit_now_ms() - began < 1000 * kit_slack());
    expect_pending(slow);
}

/* When a fetch that has the only transfer or connection ends, the next one gets it. */
TEST_ON_STAGE(a_cancel_makes_room_for_the_next)
{
    for (int i = 0; i < 2; i++) {
        raw_server *server = stage_silent_server(1);
        lock_sync_pool *p = stage_pool();
        account *slow = stage_account(raw_url(server));
        account *next = stage_account(raw_url(server));
        int64_t began;

        MUST_OK(i == 0 ? lock_sync_pool_set_max_active(p, 1) : lock_sync_pool_set_max_connections(p, 1, 1));
        account_submit(slow, p);
        account_submit(next, p);
        pool_run_until(p, server_is_asked, server);
        expect_pending(next);
        began = kit_now_ms();
        lock_sync_cancel(slow->ctx);
        pool_run_all(p);
        expect_end(slow, LOCK_SYNC_E_CANCELLED);
        MUST(slow->ended_ms - began < LATE_MS);
        expect_end(next, LOCK_SYNC_OK);
        (void)stage_clear(NULL);
    }
}

/* --- behind a store that blocks --- */

TEST_ON_STAGE(fetches_behind_a_blocked_store_end_by_deadline_and_cancel)
{
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(3, DEAD_URL); /* the first, one that is late, and one that is cancelled */
    account *late = &all[1];
    account *cancelled = &all[2];
    int64_t began = kit_now_ms();

    store_block_at(s, 1);
    stage_guard_each(all, 3, s, 1000, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_timeout_ms(late->ctx, SHORT_MS));
    accounts_submit(all, 3, p);
    pool_run_until(p, store_is_waiting, s);
    lock_sync_cancel(cancelled->ctx);
    (void)pool_run_for(p, 4 * SHORT_MS - (kit_now_ms() - began));
    store_release(s);
    pool_run_all(p);
    expect_end(late, LOCK_SYNC_E_TIMEOUT);
    expect_end(cancelled, LOCK_SYNC_E_CANCELLED);
    CHECK_BETWEEN(late->ended_ms - began, SHORT_MS - 2, SHORT_MS + LATE_MS);
    CHECK_BETWEEN(cancelled->ended_ms - began, 0, SHORT_MS);
}

/* The response has arrived and only its slot must be settled: the fetch ends as it would have, with the detail of
   the response. */
TEST_ON_STAGE(a_fetch_whose_slot_is_being_settled_keeps_its_error)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {limited};

    for (int cancelled = 0; cancelled < 2; cancelled++) {
        store *s = stage_store();
        lock_sync_pool *p = stage_pool();
        account *a = stage_account(raw_url(stage_server(scripts, 1)));

        store_block_at(s, 2);
        stage_guard_each(a, 1, s, 1000, LOCK_SYNC_GUARD_FAIL);
        MUST_OK(lock_sync_set_timeout_ms(a->ctx, cancelled ? 30000 : SHORT_MS));
        account_submit(a, p);
        pool_run_until(p, store_is_waiting, s);
        if (cancelled)
            lock_sync_cancel(a->ctx);
        (void)pool_run_for(p, 2 * SHORT_MS);
        expect_pending(a);
        store_release(s);
        pool_run_all(p);
        expect_end(a, LOCK_SYNC_E_RATE_LIMITED);
        MUST_INT(a->http_status, 429);
        MUST_INT(a->retry_after_ms, 30000);
        (void)stage_clear(NULL);
    }
}
