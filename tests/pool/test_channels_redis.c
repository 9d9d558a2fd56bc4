/* Guards in Redis, used by a pool. */
#include "../guard/redis_server.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 50

typedef struct rig {
    redis_server *server;
    lock_sync_redis *redis;
    sim *service;
    lock_sync_pool *pool;
    account *all;
} rig;

static rig new_rig(const char *const *arguments)
{
    rig r = {.server = redis_here(NULL), .service = stage_sim(arguments), .pool = stage_pool()};

    r.redis = redis_of(redis_server_url(r.server));
    redis_server_settle_in(r.server, "k");
    r.all = stage_accounts(MANY, sim_url(r.service));
    return r;
}

/* Gives each account a guard of its own on that key; "": another key for each account. */
static void guard_each(const rig *r, lock_sync_redis *redis, const char *key, int64_t interval_ms)
{
    for (int i = 0; i < MANY; i++) {
        lock_sync_guard *g;

        MUST_OK(lock_sync_guard_open_redis(redis, key[0] != '\0' ? key : stage_text("k:%d", i), &g));
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
        account_guard(&r->all[i], g, LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
}

/* Checked by the simulator without any tolerance. */
TEST_ON_STAGE(a_guard_in_redis_is_shared)
{
    static const char *const arguments[] = {"--static", "--min-interval-ms", "20", NULL};
    rig r = new_rig(arguments);

    guard_each(&r, r.redis, "k", 20);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK); /* the simulator responds to a violation with 429 */
    MUST_INT(sim_ask_stats(r.service).syncs, MANY);
}

static int clients_of(const redis_server *s)
{
    redisReply *reply = redis_server_ask(s, "INFO clients");
    const char *line = strstr(reply->str, "connected_clients:");
    int clients = line == NULL ? -1 : atoi(line + strlen("connected_clients:"));

    freeReplyObject(reply);
    return clients;
}

TEST_ON_STAGE(many_guards_use_one_connection)
{
    static const char *const arguments[] = {"--static", NULL};
    rig r = new_rig(arguments);

    redis_server_settle_in(r.server, "k:0");
    guard_each(&r, r.redis, "", 1);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    MUST_INT(clients_of(r.server), 2); /* the other one asks this */
    redis_server_do(r.server, "SCRIPT FLUSH");
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_server_that_hangs_fails_fetches_after_a_second)
{
    static const char *const arguments[] = {"--static", NULL};
    rig r = new_rig(arguments);
    int64_t began_ms;

    redis_server_settle_in(r.server, "k:0");
    guard_each(&r, r.redis, "", 1);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    redis_server_pause(r.server, true);
    began_ms = kit_now_ms();
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_E_GUARD);
    MUST_BETWEEN(kit_now_ms() - began_ms, 900, 1000 + 2000 * kit_slack());
    MUST(strstr(r.all[0].message, "no reply") != NULL);
    redis_server_pause(r.server, false);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK); /* the swaps came after their windows, and changed nothing */
}

/* The channel cannot connect again, so the slot of the fetch that is cancelled waits for it when the pool is freed. */
TEST_ON_STAGE(a_settle_that_waits_for_a_connection_does_not_hold_up_a_freed_pool)
{
    static const char *const arguments[] = {"--static", "--delay-ms", "60000", NULL};
    rig r = new_rig(arguments);
    lock_sync_pool *pool;
    int64_t began_ms;

    MUST_OK(lock_sync_pool_new(&pool));
    redis_server_settle_in(r.server, "k:0");
    guard_each(&r, r.redis, "", 1);
    account_submit(&r.all[0], pool);
    (void)pool_run_for(pool, 300); /* the request is at the simulator */
    redis_server_do(r.server, "CLIENT KILL TYPE normal");
    redis_server_pause(r.server, true);
    (void)pool_run_for(pool, 50);
    began_ms = kit_now_ms();
    account_free(&r.all[0]);
    lock_sync_pool_free(pool);
    /* a second to connect, and another for the guard's last attempt */
    MUST_BETWEEN(kit_now_ms() - began_ms, 0, 2000 + 1000 * kit_slack());
    redis_server_pause(r.server, false);
}

TEST_ON_STAGE(a_server_that_lost_its_records_grants_nothing_at_first)
{
    static const char *const arguments[] = {"--static", NULL};
    rig r = new_rig(arguments);

    redis_server_settle_in(r.server, "k:0");
    guard_each(&r, r.redis, "", 1);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    redis_server_restart(r.server);
    for (int i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_guard_mode(r.all[i].ctx, LOCK_SYNC_GUARD_FAIL));
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(r.all[0].retry_after_ms, 20000, 40000);
}

/* The last reference to a guard writes its kept outcomes, which waits for the server. */
TEST_ON_STAGE(dispatch_does_not_wait_for_the_guards_of_freed_contexts)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent, silent, silent};
    rig r = new_rig(NULL);
    account *all = stage_accounts(COUNT_OF(scripts), raw_url(stage_server(scripts, COUNT_OF(scripts))));
    int64_t longest_ms = 0;
    int64_t end_ms;

    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        lock_sync_guard *g = NULL;

        MUST_OK(lock_sync_guard_open_redis(r.redis, stage_text("k:%zu", i), &g));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_FAIL);
        lock_sync_guard_unref(g);
    }
    accounts_submit(all, COUNT_OF(scripts), r.pool);
    (void)pool_run_for(r.pool, 300);
    redis_server_pause(r.server, true);
    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        account_free(&all[i]);
    for (end_ms = kit_now_ms() + 2000; kit_now_ms() < end_ms;) {
        int64_t began_ms = kit_now_ms();

        MUST_OK(pool_dispatch(r.pool));
        longest_ms = kit_now_ms() - began_ms > longest_ms ? kit_now_ms() - began_ms : longest_ms;
        (void)usleep(1000);
    }
    redis_server_pause(r.server, false);
    MUST_BETWEEN(longest_ms, 0, 500);
}
