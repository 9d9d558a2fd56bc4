/* Who gets what of a pool: an origin, a proxy or an account that hangs holds up no other, and those that want the same
   take turns. support/interpose.c is the resolver. */
#include "accounts.h"
#include "shares.h"
#include "store.h"

#include "../support/certs.h"
#include "../support/interpose.h"

#include <stdio.h>
#include <stdlib.h>

#define STALLED 200
#define SOON_MS 900 /* less than a leader holds the others */

static account stalled[STALLED];
static const raw_step hold[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_END};
static const raw_step silent[] = {RAW_WAIT_FOR_CLOSE, RAW_END};
static const raw_step *holds[STALLED];

/* --- hanging --- */

static raw_server *start_stalled(void)
{
    for (size_t i = 0; i < STALLED; i++)
        holds[i] = hold;
    return raw_start(AF_INET, holds, STALLED);
}

static void expect_soon(account *a, int64_t began_ms)
{
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_OK);
    if (a->ended_ms - began_ms > SOON_MS * kit_slack())
        fail_msg("%d ms", (int)(a->ended_ms - began_ms));
}

typedef struct tried {
    raw_server *const *servers;
    size_t count;
} tried;

static bool are_tried(void *user)
{
    const tried *t = user;
    size_t requests = 0;

    for (size_t i = 0; i < t->count; i++)
        requests += raw_requests(t->servers[i]) > 0;
    return requests == t->count;
}

/* More want a transfer than there are. */
TEST(origins_that_stall_leave_something_to_one_that_responds)
{
    raw_server *servers[4] = {start_stalled(), start_stalled(), start_stalled(), start_stalled()};
    raw_server *good = raw_start(AF_INET, NULL, 0);
    tried t = {servers, 4};
    lock_sync_pool *p = pool_make();
    account healthy = account_new(raw_url(good));
    int64_t began;

    for (size_t i = 0; i < STALLED; i++)
        stalled[i] = account_new(raw_url(servers[i % 4]));
    accounts_submit(stalled, STALLED, p);
    MUST(pool_run(p, are_tried, &t, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 50);
    for (int round = 0; round < 3; round++) {
        began = kit_now_ms();
        account_submit(&healthy, p);
        expect_soon(&healthy, began);
    }
    for (size_t i = 0; i < STALLED; i++)
        expect_pending(&stalled[i]);
    accounts_free(stalled, STALLED);
    account_free(&healthy);
    pool_end(p);
    raw_stop(good);
    for (size_t i = 0; i < 4; i++)
        raw_stop(servers[i]);
}

/* An origin that responded has more, but leaves something too when it stalls at once. */
TEST(an_origin_that_stalls_later_leaves_something_too)
{
    enum { MOST = 16 };
    static const raw_step once[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_HOLD, RAW_END};
    raw_server *server;
    raw_server *good = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account healthy = account_new(raw_url(good));
    int64_t began;

    for (size_t i = 0; i < STALLED; i++)
        holds[i] = i == 0 ? once : hold;
    server = raw_start(AF_INET, holds, STALLED);
    MUST_OK(lock_sync_pool_set_max_active(p, MOST));
    accounts_make(stalled, 2 * MOST, raw_url(server));
    account_submit(&stalled[0], p);
    pool_run_all(p);
    accounts_submit(stalled, 2 * MOST, p);
    (void)pool_run_for(p, 50);
    raw_wait_requests(server, 1 + 15); /* eight ninths of 16 */
    began = kit_now_ms();
    account_submit(&healthy, p);
    expect_soon(&healthy, began);
    accounts_free(stalled, 2 * MOST);
    account_free(&healthy);
    pool_end(p);
    raw_stop(good);
    raw_stop(server);
}

/* --- with TLS: what may share connections has a leader --- */

typedef struct secure {
    certs *pems;
    sim *server;
    lock_sync_pool *pool;
} secure;

static secure begin_secure(void)
{
    secure s = {.pems = certs_make(), .pool = pool_make()};
    const char *const arguments[] = {"--tls-cert", s.pems->good, "--tls-key", s.pems->key, "--any-key",
                                     "--min-interval-ms", "0", "--hourly-budget", "100000", NULL};

    resolver_answer("127.0.0.1");
    s.server = sim_start(arguments);
    return s;
}

static account secure_account(const secure *s, uint16_t port)
{
    char *url = kit_text("https://service.test:%u", port);
    account a = account_new(url);

    MUST_OK(lock_sync_set_ca_file(a.ctx, s->pems->ca));
    free(url);
    return a;
}

static void end_secure(secure *s)
{
    pool_end(s->pool);
    sim_stop(s->server, NULL);
    certs_free(s->pems);
    resolver_answer(NULL);
    kit_wait_for_one_thread();
}

static bool is_connected(void *user)
{
    return raw_connections(user) > 0;
}

TEST(accounts_behind_a_hanging_proxy_hold_up_no_direct_one)
{
    static const raw_step *const scripts[] = {silent};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    secure s = begin_secure();
    account proxied = secure_account(&s, sim_port(s.server));
    account direct[20];
    int64_t began;

    MUST_OK(lock_sync_set_proxy(proxied.ctx, raw_url(proxy)));
    for (size_t i = 0; i < COUNT_OF(direct); i++) {
        direct[i] = secure_account(&s, sim_port(s.server));
        MUST_OK(lock_sync_set_timeout_ms(direct[i].ctx, 3000));
    }
    account_submit(&proxied, s.pool);
    MUST(pool_run(s.pool, is_connected, proxy, KIT_PATIENCE_MS));
    began = kit_now_ms();
    account_submit(&direct[0], s.pool);
    expect_soon(&direct[0], began);
    accounts_submit(direct, COUNT_OF(direct), s.pool);
    for (size_t i = 0; i < COUNT_OF(direct); i++) {
        pool_run_account(&direct[i]);
        expect_end(&direct[i], LOCK_SYNC_OK);
    }
    expect_pending(&proxied);
    account_free(&proxied);
    accounts_free(direct, COUNT_OF(direct));
    raw_stop(proxy);
    end_secure(&s);
}

/* Its first connection hangs in the TLS handshake; those after it do not. */
TEST(a_leader_that_hangs_holds_up_the_others_for_a_second)
{
    secure s = begin_secure();
    const raw_step relay[] = {RAW_RELAY(sim_port(s.server)), RAW_END};
    const raw_step *const scripts[] = {silent, relay, relay, relay, relay, relay, relay, relay};
    raw_server *way = raw_start(AF_INET, scripts, COUNT_OF(scripts));
    account all[6];
    int64_t began = kit_now_ms();

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = secure_account(&s, raw_port(way));
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 8000));
    }
    accounts_submit(all, COUNT_OF(all), s.pool);
    for (size_t i = 1; i < COUNT_OF(all); i++) {
        pool_run_account(&all[i]);
        expect_end(&all[i], LOCK_SYNC_OK);
        MUST_BETWEEN(all[i].ended_ms - began, 900, 3000 * kit_slack());
    }
    expect_pending(&all[0]);
    accounts_free(all, COUNT_OF(all));
    raw_stop(way);
    end_secure(&s);
}

/* --- taking turns --- */

TEST(those_that_wait_for_one_guard_get_equal_shares)
{
    enum { CONTEXTS = 50 };
    static account all[CONTEXTS];
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    lock_sync_guard *guard;

    MUST_OK(lock_sync_guard_new(&guard));
    MUST_OK(lock_sync_guard_set_min_interval_ms(guard, 1));
    MUST_OK(lock_sync_guard_set_hourly_budget(guard, 100000, 0));
    accounts_make(all, CONTEXTS, raw_url(server));
    for (size_t i = 0; i < CONTEXTS; i++)
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
    lock_sync_guard_unref(guard);
    expect_equal_shares(all, CONTEXTS, CONTEXTS, (size_t)20 * CONTEXTS, p);
    accounts_free(all, CONTEXTS);
    pool_end(p);
    raw_stop(server);
}

/* The answer of the line's first is the answer of all behind it. */
TEST(one_that_would_wait_beyond_its_deadline_fails_when_that_is_known)
{
    enum { INTERVAL_MS = 600 };
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account all[5];
    lock_sync_guard *guard;

    MUST_OK(lock_sync_guard_new(&guard));
    MUST_OK(lock_sync_guard_set_min_interval_ms(guard, INTERVAL_MS));
    accounts_make(all, COUNT_OF(all), raw_url(server));
    for (size_t i = 0; i < COUNT_OF(all); i++)
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
    lock_sync_guard_unref(guard);
    MUST_OK(lock_sync_set_timeout_ms(all[3].ctx, 300));
    MUST_OK(lock_sync_set_timeout_ms(all[4].ctx, 1000));
    account_submit(&all[0], p);
    pool_run_account(&all[0]);
    accounts_submit(&all[1], 4, p);
    pool_run_all(p);
    for (size_t i = 0; i < COUNT_OF(all); i++)
        expect_end(&all[i], i < 3 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
    MUST(all[3].order < all[1].order); /* at once */
    MUST(all[4].order < all[2].order); /* when the second was told */
    MUST(all[4].retry_after_ms > 0);
    accounts_free(all, COUNT_OF(all));
    pool_end(p);
    raw_stop(server);
}

static bool has_loaded_thrice(void *user)
{
    return store_loads(user) == 3; /* two for the fetch before */
}

TEST(of_those_that_wait_for_one_guard_the_first_asks)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    store *s = store_new();
    lock_sync_guard *guard = store_guard(s, 60000);
    account all[5];

    accounts_make(all, COUNT_OF(all), raw_url(server));
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
        MUST_OK(lock_sync_set_timeout_ms(all[i].ctx, 120000));
    }
    lock_sync_guard_unref(guard);
    account_submit(&all[0], p);
    pool_run_account(&all[0]);
    account_submit(&all[1], p);
    MUST(pool_run(p, has_loaded_thrice, s, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 50 * kit_slack()); /* it was told, and sleeps */
    accounts_submit(&all[2], 3, p);
    (void)pool_run_for(p, 50);
    MUST_INT(store_loads(s), 3);
    for (size_t i = 1; i < COUNT_OF(all); i++)
        expect_pending(&all[i]);
    accounts_free(all, COUNT_OF(all));
    pool_end(p);
    store_free(s);
    raw_stop(server);
}

TEST(five_origins_take_turns_with_one_connection)
{
    enum { ORIGINS = 5, EACH = 3 };
    static account all[ORIGINS * EACH];
    raw_server *servers[ORIGINS];
    lock_sync_pool *p = pool_make();

    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    for (size_t i = 0; i < ORIGINS; i++) {
        servers[i] = raw_start(AF_INET, NULL, 0);
        accounts_make(all + i * EACH, EACH, raw_url(servers[i]));
    }
    expect_equal_shares(all, ORIGINS * EACH, ORIGINS, 1000, p);
    accounts_free(all, ORIGINS * EACH);
    pool_end(p);
    for (size_t i = 0; i < ORIGINS; i++)
        raw_stop(servers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(origins_that_stall_leave_something_to_one_that_responds),
        T(an_origin_that_stalls_later_leaves_something_too),
        T(accounts_behind_a_hanging_proxy_hold_up_no_direct_one),
        T(a_leader_that_hangs_holds_up_the_others_for_a_second),
        T(those_that_wait_for_one_guard_get_equal_shares),
        T(one_that_would_wait_beyond_its_deadline_fails_when_that_is_known),
        T(of_those_that_wait_for_one_guard_the_first_asks),
        T(five_origins_take_turns_with_one_connection),
    };

    return T_MAIN(tests);
}
