/* Fair order, first in first out, and the limits of transfers and connections as the server counts them. */
#include "accounts.h"
#include "store.h"

#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>

#define MANY 30

static account all[MANY];

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

static void expect_in_order(lock_sync_pool *p)
{
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_OK);
        if (all[i].order - all[0].order != i)
            fail_msg("account %zu came as number %zd", i, (ssize_t)(all[i].order - all[0].order));
    }
}

TEST(one_after_another_is_first_in_first_out)
{
    for (int guarded = 0; guarded < 2; guarded++) {
        lock_sync_pool *p = pool_make();

        accounts_make(all, MANY, raw_url(good));
        MUST_OK(lock_sync_pool_set_max_active(p, 1));
        for (size_t i = 0; guarded && i < MANY; i++)
            account_guard(&all[i], NULL, LOCK_SYNC_GUARD_FAIL);
        accounts_submit(all, MANY, p);
        expect_in_order(p);
        accounts_free(all, MANY);
        pool_end(p);
    }
}

TEST(with_guards_that_may_block_it_is_first_in_first_out_too)
{
    lock_sync_pool *p = pool_make();
    store *s = store_new();

    accounts_make(all, MANY, raw_url(good));
    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g = store_guard(s, 1000);

        account_guard(&all[i], g, LOCK_SYNC_GUARD_FAIL);
        lock_sync_guard_unref(g);
    }
    accounts_submit(all, MANY, p);
    expect_in_order(p);
    accounts_free(all, MANY);
    pool_end(p);
    store_free(s);
}

/* They wait for their origins' names; then there is one seat for all. */
TEST(two_origins_take_turns_each_first_in_first_out)
{
    lock_sync_pool *p = pool_make();

    resolver_answer("127.0.0.1");
    resolver_stall();
    for (size_t i = 0; i < MANY; i++) {
        char *url = kit_text("http://%s.test:%u", i % 2 == 0 ? "one" : "other", raw_port(good));

        all[i] = account_new(url);
        free(url);
    }
    accounts_submit(all, MANY, p);
    MUST(pool_run(p, resolver_is_stalling, NULL, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 20);
    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    resolver_release();
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_OK);
        if (i > 4 && all[i].order != all[i - 2].order + 2)
            fail_msg("account %zu came as number %zu, that before it at its origin as %zu", i, all[i].order,
                     all[i - 2].order);
    }
    resolver_answer(NULL);
    accounts_free(all, MANY);
    pool_end(p);
}

static void submit_again(account *a)
{
    if (a->calls < 10)
        account_submit(a, a->pool);
}

/* Who submits again in his callback stands behind those that wait. */
TEST(submitting_again_jumps_no_queue)
{
    lock_sync_pool *p = pool_make();
    account busy = account_new(raw_url(good));

    accounts_make(all, MANY, raw_url(good));
    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    busy.then = submit_again;
    account_submit(&busy, p);
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    MUST_INT(busy.calls, 10);
    for (size_t i = 1; i < MANY; i++)
        MUST_INT(all[i].order, all[i - 1].order + 1);
    MUST(busy.order > all[MANY - 1].order);
    account_free(&busy);
    accounts_free(all, MANY);
    pool_end(p);
}

/* --- limits --- */

#define SERVED_MAX (2 * MANY + 4)

static raw_step held[SERVED_MAX];
static raw_step first[SERVED_MAX];
static const raw_step *scripts[MANY];

/* Each connection holds its first answer (the first one its second), then serves for as long as it is asked. */
static void write_scripts(void)
{
    static const raw_step start[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_HOLD, RAW_ANSWER};
    static const raw_step serve[] = {RAW_READ_REQUEST, RAW_ANSWER};

    memcpy(first, start, sizeof start);
    memcpy(held, start + 2, 3 * sizeof *start);
    for (size_t i = 5; i + 2 < SERVED_MAX; i += 2) {
        memcpy(first + i, serve, sizeof serve);
        memcpy(held + i - 2, serve, sizeof serve);
    }
    for (size_t i = 0; i < MANY; i++)
        scripts[i] = i == 0 ? first : held;
}

typedef struct limit {
    raw_server *server;
    size_t requests;
} limit;

static bool is_reached(void *user)
{
    const limit *l = user;

    return raw_requests(l->server) >= l->requests;
}

static void check_limit(uint32_t active, uint32_t per_host, uint32_t total, size_t most)
{
    raw_server *server = raw_start(AF_INET, scripts, COUNT_OF(scripts));
    lock_sync_pool *p = pool_make();
    limit l;
    account warm = account_new(raw_url(server));

    account_submit(&warm, p); /* libcurl knows then that each connection takes one request */
    pool_run_all(p);
    accounts_make(all, MANY, raw_url(server));
    MUST_OK(lock_sync_pool_set_max_active(p, active));
    MUST_OK(lock_sync_pool_set_max_connections(p, per_host, total));
    accounts_submit(all, MANY, p);
    l = (limit){server, 1 + most};
    (void)pool_run(p, is_reached, &l, 5000);
    (void)pool_run_for(p, 50); /* and not passed */
    if (raw_requests(server) != 1 + most || raw_connections(server) != most)
        fail_msg("%u active, %u connections per host, %u in all: %zu requests at once, %zu connections", active,
                 per_host, total, raw_requests(server) - 1, raw_connections(server));
    raw_release(server);
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    if (raw_connections(server) > per_host)
        fail_msg("%zu connections instead of %u", raw_connections(server), per_host);
    accounts_free(all, MANY);
    account_free(&warm);
    pool_end(p);
    raw_stop(server);
}

TEST(the_limits_hold_at_the_server)
{
    write_scripts();
    check_limit(12, 64, 256, 11); /* one origin leaves a ninth */
    check_limit(128, 9, 256, 9);
    check_limit(128, 9, 9, 8);
}

/* Nobody waits for a connection behind an account that does not use it. */
TEST(a_refusal_among_those_that_wait_holds_up_none)
{
    static const raw_step serve[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_ANSWER, RAW_READ_REQUEST, RAW_ANSWER, RAW_END};
    static const raw_step *const one[] = {serve};
    raw_server *server = raw_start(AF_INET, one, 1);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *used;

    MUST_OK(lock_sync_guard_new(&used));
    MUST_OK(lock_sync_guard_reserve(used, 0, NULL, NULL));
    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    accounts_make(all, 3, raw_url(server));
    account_guard(&all[1], used, LOCK_SYNC_GUARD_FAIL);
    accounts_submit(all, 3, p);
    (void)pool_run_for(p, 50);
    raw_wait_requests(server, 1);
    for (size_t i = 0; i < 3; i++)
        expect_pending(&all[i]); /* the guard is asked when it is the account's turn */
    raw_release(server);
    pool_run_all(p);
    expect_end(&all[0], LOCK_SYNC_OK);
    expect_end(&all[1], LOCK_SYNC_E_TOO_SOON);
    expect_end(&all[2], LOCK_SYNC_OK);
    MUST_INT(raw_connections(server), 1);
    accounts_free(all, 3);
    lock_sync_guard_unref(used);
    pool_end(p);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_after_another_is_first_in_first_out),
        T(with_guards_that_may_block_it_is_first_in_first_out_too),
        T(two_origins_take_turns_each_first_in_first_out),
        T(submitting_again_jumps_no_queue),
        T(the_limits_hold_at_the_server),
        T(a_refusal_among_those_that_wait_holds_up_none),
    };

    return T_MAIN_IN(tests, begin, end);
}
