/* A pool's channel to Redis behind TLS, at a unix socket, and where sentinels say. */
#include "../guard/impostor.h"
#include "../guard/redis_server.h"
#include "../guard/sentinels.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 20
#define INTERVAL_MS 20
#define LOSS_MS 30000 /* how long a request of a lost record may be on its way */

typedef struct rig {
    account *all; /* each with a key of its own */
    lock_sync_pool *pool;
    sim *service; /* responds to a violation of the interval with 429 */
} rig;

static char *key_of(size_t i)
{
    return stage_text("k:%zu", i);
}

static rig new_rig(const char *url)
{
    static const char *const arguments[] = {"--static", "--any-key", "--min-interval-ms", "20", NULL};
    rig r = {.service = stage_sim(arguments)};
    lock_sync_redis *redis = redis_of(url);

    r.all = stage_accounts(MANY, sim_url(r.service));
    r.pool = stage_pool();
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g = redis_guard(redis, key_of(i), INTERVAL_MS);

        account_set_number(&r.all[i], i);
        account_guard(&r.all[i], g, LOCK_SYNC_GUARD_WAIT);
    }
    return r;
}

static void check_good(const char *url)
{
    rig r = new_rig(url);

    for (int i = 0; i < 3; i++)
        expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
}

static void fail_at_once(const rig *r)
{
    for (size_t i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_guard_mode(r->all[i].ctx, LOCK_SYNC_GUARD_FAIL));
}

TEST_ON_STAGE(a_channel_uses_a_unix_socket)
{
    char *path = stage_text("%s/redis.sock", stage_dir());
    const char *const options[] = {"--unixsocket", path, NULL};

    redis_server_settle_in(redis_here(options), "k:0");
    check_good(stage_text("unix://%s", path));
}

#if WITH_REDIS_TLS
TEST_ON_STAGE(a_channel_uses_tls)
{
    redis_tls_server s = redis_tls_here(pems->good, "no");
    rig r;

    redis_server_settle_in(s.server, "k:0");
    check_good(stage_text("rediss://localhost:%u?ssl_ca_certs=%s", s.port, pems->ca));

    r = new_rig(stage_text("rediss://localhost:%u", s.port)); /* the system's authorities do not know the server */
    fail_at_once(&r);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_E_GUARD);
    MUST(strstr(r.all[0].message, "TLS failed: ") != NULL);
}
#endif

/* --- sentinels --- */

/* Fetches until the guards decide again. No slot is granted: the promotion is a loss. */
static void fetch_through_failover(const rig *r, redis_server *replica)
{
    int64_t end_ms = kit_now_ms() + KIT_PATIENCE_MS;
    int64_t promoted_ms = 0;

    do {
        accounts_submit(r->all, MANY, r->pool);
        pool_run_all(r->pool);
        for (size_t i = 0; i < MANY; i++)
            MUST(r->all[i].status == LOCK_SYNC_E_GUARD || r->all[i].status == LOCK_SYNC_E_TOO_SOON);
        if (promoted_ms == 0 && redis_server_is_master(replica))
            promoted_ms = kit_now_ms();
        (void)usleep(10000);
    } while (r->all[0].status != LOCK_SYNC_E_TOO_SOON && kit_now_ms() < end_ms);
    expect_ends(r->all, MANY, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(kit_now_ms() - promoted_ms, 0, 10000);
}

TEST_ON_STAGE(a_channel_decides_again_after_a_promotion)
{
    static const char *const kept_on_disk[] = {"--appendonly", "yes", NULL};
    redis_server *master = redis_here(kept_on_disk);
    redis_server *replica = redis_replica_here(master);
    rig r;

    redis_server_settle_in(master, "k:0");
    r = new_rig(sentinels_url(sentinels_here(master), "", ""));
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    fail_at_once(&r);
    redis_server_kill(master);
    fetch_through_failover(&r, replica);
    MUST_BETWEEN(r.all[0].retry_after_ms, LOSS_MS - 10000 * kit_slack(), LOSS_MS + 100); /* the promotion is a loss */
    for (size_t i = 0; i < MANY; i++) {
        redis_server_age(replica, key_of(i), LOSS_MS + 1000);
        MUST_OK(lock_sync_set_guard_mode(r.all[i].ctx, LOCK_SYNC_GUARD_WAIT));
    }
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    MUST_INT(sim_ask_stats(r.service).syncs, 2 * MANY);
    MUST_INT(sim_ask_stats(r.service).interval_violations, 0);
}

/* Returns a sentinel's reply. */
static const char *says(const redis_server *s)
{
    const char *port = stage_text("%d", redis_server_port(s));

    return stage_text("*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
}

/* Nobody closes the connection to a master that becomes a replica. */
TEST_ON_STAGE(a_channel_leaves_a_demoted_master)
{
    redis_server *a = redis_here(NULL);
    redis_server *b = redis_here(NULL);
    const char *const scripts[] = {says(a), says(b), says(b), says(b), says(b), NULL}; /* a busy machine needs more */
    const impostor *sentinel = impostor_here((impostor){.scripts = scripts});
    rig r;

    redis_server_settle_in(a, "k:0");
    r = new_rig(stage_text("redis+sentinel://127.0.0.1:%d/mymaster", sentinel->port));
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_OK);
    freeReplyObject(redis_server_ask(a, "REPLICAOF 127.0.0.1 %d", redis_server_port(b)));
    fail_at_once(&r);
    expect_fetches(r.all, MANY, r.pool, LOCK_SYNC_E_GUARD);
    MUST(strstr(r.all[0].message, "this is a replica, which does not write") != NULL);
    fetch_through_failover(&r, b);
    MUST_INT(redis_server_number(b, "EXISTS k:0"), 1);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
