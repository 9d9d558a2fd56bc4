/* A Redis server that loses keys, restarts, or restores older records never lets a request through early.
   test_lineage.c tests the resulting records. */
#include "redis_server.h"

#include <unistd.h>

#define LOSS_MS 30000 /* how long a request of a lost record may be on its way */

static const char *const kept_on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

static void use_slot(lock_sync_guard *g)
{
    CHECK_OK(lock_sync_guard_settle(g, redis_slot(g, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1));
}

/* Uses a slot whose request gets a 429 for an hour, because such a wait shows whether the record is kept. */
static void block(lock_sync_guard *g)
{
    CHECK_OK(lock_sync_guard_settle(g, redis_slot(g, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 3600000));
}

static void check_blocked(lock_sync_guard *g)
{
    CHECK_BETWEEN(redis_wait_ms(g), 3540000, 3600000 + WINDOW_MS);
}

/* Expects a closure for a loss just now: for LOSS_MS and the interval. */
static void check_closed(lock_sync_guard *g, int64_t interval_ms)
{
    CHECK_BETWEEN(redis_wait_ms(g), LOSS_MS + interval_ms - 2000 * kit_slack(), LOSS_MS + interval_ms + WINDOW_MS);
}

/* Opens a new guard, which has seen no record, on a separate connection. */
static lock_sync_guard *new_user(const redis_server *s)
{
    return redis_user(redis_server_url(s), 100);
}

/* --- the key --- */

/* If the marker is deleted too, a user that saw no record waits as at the first use. */
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
        lock_sync_guard *other = new_user(r.server);

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

/* An older record is recognized only by its version. */
TEST(an_older_record_that_is_restored_is_not_used)
{
    redis_rig r = redis_rig_new(NULL, 100);

    use_slot(r.guard);
    redis_server_do(r.server, "COPY k before");
    block(r.guard);
    redis_server_do(r.server, "COPY before k REPLACE");
    check_blocked(r.guard);
}

/* --- restarts --- */

/* A restarted server may have lost changes, even if it has a record. */
TEST(a_restart_closes_the_guard_for_all_users)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        for (int has_seen = 0; has_seen < 2; has_seen++) {
            redis_rig r = redis_rig_new(keeps ? kept_on_disk : NULL, 100);
            lock_sync_guard *other = new_user(r.server);

            t_row("keeps %d, has seen %d", keeps, has_seen);
            use_slot(r.guard);
            redis_server_restart(r.server);
            check_closed(has_seen ? r.guard : other, 100);
            check_closed(has_seen ? other : r.guard, 100);
            redis_server_age(r.server, "k", LOSS_MS + 100 + WINDOW_MS);
            CHECK_OK(lock_sync_guard_reserve(has_seen ? r.guard : other, 0, NULL, NULL));
        }
    }
}

/* Only snapshots, as Debian configures a server: the restored record is from before the 429. */
TEST(a_restart_that_loses_the_last_changes)
{
    redis_rig r = redis_rig_new(NULL, 100);
    lock_sync_guard *other = new_user(r.server);

    use_slot(r.guard);
    redis_server_do(r.server, "SAVE");
    block(r.guard);
    redis_server_restart(r.server);
    CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
    check_closed(other, 100); /* it does not know of the 429 */
    check_blocked(r.guard);
    check_blocked(other);
}

/* The guard object keeps an outcome that it could not write, and applies it. */
TEST(a_429_that_arrives_while_the_server_is_down_is_written_later)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    lock_sync_guard *other = new_user(r.server);
    int64_t slot = redis_slot(r.guard, 1000, 5000);

    (void)redis_wait_ms(other);
    redis_server_kill(r.server);
    CHECK_INT(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_LIMITED, 3600000), LOCK_SYNC_E_GUARD);
    check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    redis_server_start(r.server);
    check_closed(other, 100);               /* it does not know of the 429 yet */
    redis_server_age(r.server, "k", 40000); /* the closure is over, and only the 429 blocks */
    check_blocked(r.guard);
    check_blocked(other); /* that decision has written the 429 */
}

/* --- replicas; storm/ has a failover that loses the last changes --- */

/* The first replica changes a server's replication id, while connections stay open. All users must notice it. */
TEST(a_source_that_changes_on_a_kept_connection_is_noticed)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    lock_sync_guard *other;

    use_slot(r.guard);
    (void)redis_replica_here(r.server);
    other = new_user(r.server);
    check_closed(other, 100);
    check_closed(r.guard, 100); /* on the old connection */
    redis_server_age(r.server, "k", LOSS_MS + 100 + WINDOW_MS);
    use_slot(r.guard);
    use_slot(other);
}

/* A connection to a replica would stay open over its promotion, and the new replication id would not be read. */
TEST(a_user_of_a_replica_notices_its_promotion)
{
    redis_rig r = redis_rig_new(kept_on_disk, 100);
    redis_server *replica = redis_replica_here(r.server);
    lock_sync_guard *other;

    redis_server_settle_in(r.server, "k");
    CHECK(redis_slot(r.guard, 20000, 5000) > 0);
    freeReplyObject(redis_server_ask(r.server, "WAIT 1 %d", KIT_PATIENCE_MS));
    other = new_user(replica);
    check_redis_fails(other, 1000, "this is a replica, which does not write");
    redis_server_cut_off(replica, r.server);
    redis_server_kill(r.server);
    redis_server_promote(replica);
    check_closed(other, 100);
}
