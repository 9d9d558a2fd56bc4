/* Fetches whose store may block run first in, first out; the server counts the limits of transfers and connections.
   For the order without stores see tests/simulation and tests/unit/test_pool_schedule.c. */
#include "stage.h"

#define MANY 30

TEST_ON_STAGE(fetches_whose_guards_may_block_are_first_in_first_out)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));

    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    stage_guard_each(all, MANY, stage_store(), 1000, LOCK_SYNC_GUARD_FAIL);
    expect_fetches(all, MANY, p, LOCK_SYNC_OK);
    for (size_t i = 1; i < MANY; i++)
        MUST_INT(all[i].order, all[i - 1].order + 1);
}

/* --- limits --- */

typedef struct limit {
    uint32_t active;
    uint32_t per_origin;
    uint32_t total;
    size_t most; /* at once */
    raw_server *server;
} limit;

static bool is_reached(void *user)
{
    const limit *l = user;

    return raw_requests(l->server) > l->most;
}

TEST_ON_STAGE(the_limits_hold_at_the_server)
{
    static const raw_step first[] = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_HOLD, RAW_RESPOND, RAW_SERVE};
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_RESPOND, RAW_SERVE};
    static const raw_step *const scripts[] = {first, held, held, held, held, held, held, held, held, held, held, held};
    static const limit rows[] = {
        {.active = 12, .per_origin = 64, .total = 256, .most = 11}, /* one origin leaves a ninth to the others */
        {.active = 128, .per_origin = 9, .total = 256, .most = 9},
        {.active = 128, .per_origin = 9, .total = 9, .most = 8},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        limit l = rows[i];
        lock_sync_pool *p = stage_pool();
        account *all;

        t_row("%u active, %u connections per origin, %u in all", l.active, l.per_origin, l.total);
        l.server = stage_server(scripts, COUNT_OF(scripts));
        all = stage_accounts(MANY, raw_url(l.server));
        expect_fetch(all, p, LOCK_SYNC_OK); /* libcurl then knows that each connection takes one request */
        MUST_OK(lock_sync_pool_set_max_active(p, l.active));
        MUST_OK(lock_sync_pool_set_max_connections(p, l.per_origin, l.total));
        accounts_submit(all, MANY, p);
        (void)pool_run(p, is_reached, &l, 5000);
        (void)pool_run_for(p, 50); /* and does not exceed it */
        CHECK_INT(raw_requests(l.server), 1 + l.most);
        CHECK_INT(raw_connections(l.server), l.most);
        raw_release(l.server);
        pool_run_all(p);
        expect_ends(all, MANY, LOCK_SYNC_OK);
        CHECK_BETWEEN(raw_connections(l.server), 1, l.per_origin);
        (void)stage_clear(NULL);
    }
}

/* No fetch waits for a connection behind an account that does not use it. */
TEST_ON_STAGE(a_denied_fetch_in_the_queue_delays_no_other)
{
    static const raw_step serve[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_RESPOND, RAW_READ_REQUEST, RAW_RESPOND, RAW_END};
    static const raw_step *const one[] = {serve};
    raw_server *server = stage_server(one, 1);
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(3, raw_url(server));

    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    account_guard(&all[1], stage_used_guard(20000), LOCK_SYNC_GUARD_FAIL);
    accounts_submit(all, 3, p);
    pool_run_until(p, server_is_asked, server);
    (void)pool_run_for(p, 50);
    for (size_t i = 0; i < 3; i++)
        expect_pending(&all[i]); /* the guard is asked only when the account gets a transfer */
    raw_release(server);
    pool_run_all(p);
    expect_end(&all[0], LOCK_SYNC_OK);
    expect_end(&all[1], LOCK_SYNC_E_TOO_SOON);
    expect_end(&all[2], LOCK_SYNC_OK);
    MUST_INT(raw_connections(server), 1);
}
