/* What a Redis server may lose, and that nothing of it is "free to go": keys, restarts, older records. What becomes of
   a record then is the lineage's (test_lineage.c). */
#include "redis_server.h"

#include <unistd.h>

#define LOSS_MS 30000 /* how long a request may be on its way that nobody knows of any more */

static const char *const kept_on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

static void use_slot(lock_sync_guard *g)
{
    CHECK_OK(lock_sync_guard_settle(g, redis_slot(g, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1));
}

/* A slot that was answered with a 429 that blocks for an hour: what is easily seen to be remembered. */
static void block(lock_sync_guard *g)
{
    CHECK_OK(lock_sync_guard_settle(g, redis_slot(g, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 3600000));
}

static void check_blocked(lock_sync_guard *g)
{
    CHECK_BETWEEN(redis_wait_ms(g), 3540000, 3600001);
}

/* Closed for a loss just now: for as long as a request may be on its way, and the interval. */
static void check_closed(lock_sync_guard *g, int64_t interval_ms)
{
    CHECK_BETWEEN(redis_wait_ms(g), LOSS_MS + interval_ms - 2000 * kit_slack(), LOSS_MS + interval_ms);
}

/* A guard that has seen nothing, on a connection of its own. */
static lock_sync_guard *stranger(const redis_server *s)
{
    return redis_user(redis_server_url(s), 100);
}

/* --- the key --- */

/* Who saw nothing waits as at the first use where the marker is gone as well. */
TEST(a_deleted_key_is_restored)
{
    static const struct {
        const char *command;
        bool marker_is_gone;
    } rows[] = {
        {"DEL k", false}, {"PEXPIRE k 1", false}, {"DEL k k:locksync", true}, {"FLUSHDB", true}, {"FLUSHALL", true}};
    redis_rig r = redis_rig_new(NULL, 100);

    block(r.guard);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *other = stranger(r.server);

        t_row("%s", rows[i].command);
        redis_server_do(r.server, rows[i].command);
        (void)usleep(5000);
        if (rows[i].marker_is_gone)
            check_closed(other, 100);
        check_blocked(r.guard);
        CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
        check_blocked(other);
    }
}

/* Only the version tells that a record is an older one. */
TEST(an_older_record_that_is_put_back_is_not_believed)
{
    redis_rig r = redis_rig_new(NULL, 100);

    use_slot(r.guard);
    redis_server_do(r.server, "COPY k before");
    block(r.guard);
    redis_server_do(r.server, "COPY before k REPLACE");
    check_blocked(r.guard);
}

/* --- restarts --- */

/* A server that was started again may have lost something, even if it has a record. */
TEST(a_restart_closes_whoever_asks_first)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        for (int has_seen = 0; has_seen < 2; has_seen++) {
            redis_rig r = redis_rig_new(keeps ? kept_on_disk : NULL, 100);
            lock_sync_guard *other = stranger(r.server);

            t_row("keeps %d, has seen %d", keeps, has_seen);
            use_slot(r.guard);
            redis_server_restart(r.server);
            check_closed(has_seen ? r.guard : other, 100);
            check_closed(has_seen ? other : r.guard, 100);
            redis_server_age(r.server, "k", LOSS_MS + 101);
            CHECK_OK(lock_sync_guard_reserve(has_seen ? r.guard : other, 0, NULL, NULL));
        }
    }
}

/* Snapshots only, as Debian sets a server up: the record that comes back is one of before the 429. */
TEST(a_restart_that_loses_the_last_of_it)
{
    redis_rig r = redis_rig_new(NULL, 100);
    lock_sync_guard *other = stranger(r.server);

    use_slot(r.guard);
    redis_server_do(r.server, "SAVE");
    block(r.guard);
    redis_server_restart(r.server);
    CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
    check_closed(other, 100); /* it cannot know more */
    check_blocked(r.guard);
    check_blocked(other);
}

/* The guard object keeps what it could not write, and acts on it. */
TEST(a_429_that_comes_while_the_server_is_down)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    lock_sync_guard *other = stranger(r.server);
    int64_t slot = redis_slot(r.guard, 1000, 5000);

    (void)redis_wait_ms(other);
    redis_server_kill(r.server);
    CHECK_INT(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_LIMITED, 3600000), LOCK_SYNC_E_GUARD);
    check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    redis_server_start(r.server);
    check_closed(other, 100);               /* it cannot know yet */
    redis_server_age(r.server, "k", 40000); /* the closure is over, and the gate open but for the 429 */
    check_blocked(r.guard);
    check_blocked(other); /* from that decision on all do */
}

/* --- replicas; a failover that loses the last of it is in storm/ --- */

/* The first replica gives a server another replication id, while connections last: all users get to know it. */
TEST(a_source_that_changes_on_a_kept_connection)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    lock_sync_guard *other;

    use_slot(r.guard);
    (void)redis_replica_here(r.server);
    other = stranger(r.server);
    check_closed(other, 100);
    check_closed(r.guard, 100); /* on the connection from before */
    redis_server_age(r.server, "k", LOSS_MS + 101);
    use_slot(r.guard);
    use_slot(other);
}

/* A connection to a replica would outlive its promotion, and nobody would ask for the new replication id. */
TEST(a_client_that_was_at_the_replica_before_its_promotion)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    redis_server *replica = redis_replica_here(r.server);
    lock_sync_guard *other;

    redis_server_settle_in(r.server, "k");
    CHECK(redis_slot(r.guard, 20000, 5000) > 0);
    freeReplyObject(redis_server_ask(r.server, "WAIT 1 %d", KIT_PATIENCE_MS));
    other = stranger(replica);
    check_redis_fails(other, 1000, "this is a replica, which does not write");
    redis_server_cut_off(replica, r.server);
    redis_server_kill(r.server);
    redis_server_promote(replica);
    check_closed(other, 100);
}
