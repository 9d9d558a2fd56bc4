/* What a Redis server may lose, and that nothing of it is "free to go": keys, restarts, older records. */
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOSS_MS 30000 /* how long a request may be on its way that nobody knows of any more */

static const char *const kept_on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

static void settle(lock_sync_guard *g, int64_t slot, lock_sync_guard_outcome outcome, int64_t retry_after_ms)
{
    CHECK(slot > 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, outcome, retry_after_ms));
}

/* A slot that was answered with a 429 that blocks for a minute: what is easily seen to be remembered. */
static void block_for_a_minute(lock_sync_guard *g)
{
    settle(g, redis_slot(g, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 60000);
}

static void check_wait(lock_sync_guard *g, int64_t least_ms, int64_t most_ms)
{
    int64_t wait_ms = redis_wait_ms(g);

    if (!CHECK(wait_ms >= least_ms && wait_ms <= most_ms))
        print_error("a wait of %lld ms\n", (long long)wait_ms);
}

static void check_blocked(lock_sync_guard *g)
{
    check_wait(g, 50000, 60001);
}

/* Closed for a loss just now. `hold_ms`: the longest hold known. */
static void check_closed(lock_sync_guard *g, int64_t hold_ms, int64_t interval_ms)
{
    int64_t closed_ms = (hold_ms > LOSS_MS ? hold_ms : LOSS_MS) + interval_ms;

    check_wait(g, closed_ms - 2000 * kit_slack(), closed_ms);
}

/* A guard that has seen nothing, on a connection of its own. */
static redis_rig stranger(const redis_server *s, int64_t interval_ms)
{
    return redis_rig_at(redis_server_url(s), interval_ms);
}

/* --- the key --- */

TEST(a_deleted_key_is_restored)
{
    static const char *const commands[] = {"DEL k", "FLUSHALL", "PEXPIRE k 1", "DEL k k:locksync", "FLUSHDB"};
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 50);
    block_for_a_minute(r.guard);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        redis_rig other;

        t_row("%s", commands[i]);
        redis_server_do(r.server, commands[i]);
        (void)usleep(5000);
        check_blocked(r.guard);
        CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
        other = stranger(r.server, 50);
        check_blocked(other.guard);
        redis_rig_free(&other);
    }
    redis_rig_free(&r);
}

/* All kinds are closed until what others may have sent meanwhile is over: for the longest hold known and an interval,
   from the first look on, whoever looks, and however often. */
TEST(each_kind_is_closed_once)
{
    static const int64_t intervals_ms[] = {50, 60000, 0};
    static const int64_t holds_ms[] = {1000, 45000};

    NEED_REDIS();
    for (size_t i = 0; i < COUNT_OF(holds_ms); i++) {
        redis_rig r = redis_rig_new(NULL, 50);
        redis_rig other;

        t_row("%d", (int)holds_ms[i]);
        settle(r.guard, redis_slot(r.guard, holds_ms[i], 5000), LOCK_SYNC_SLOT_SENT, -1);
        redis_server_do(r.server, "FLUSHALL");
        (void)redis_wait_ms(r.guard);
        other = stranger(r.server, 50);
        (void)usleep(300000);
        for (int k = 0; k < 3; k++) {
            int64_t closed_ms = (holds_ms[i] > LOSS_MS ? holds_ms[i] : LOSS_MS) + intervals_ms[k];
            int64_t wait_ms = 0;

            CHECK_INT(lock_sync_guard_reserve_for(k == 1 ? other.guard : r.guard, k, 1000, &wait_ms, NULL),
                      LOCK_SYNC_E_TOO_SOON);
            CHECK(wait_ms > closed_ms - 2300 * kit_slack() && wait_ms <= closed_ms - 300);
        }
        redis_server_age(r.server, "k", holds_ms[i] > LOSS_MS ? 45100 : 30100);
        CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
        redis_rig_free(&other);
        redis_rig_free(&r);
    }
}

TEST(a_held_slot_is_restored)
{
    redis_rig r;
    int64_t slot;

    NEED_REDIS();
    r = redis_rig_new(NULL, 50);
    slot = redis_slot(r.guard, 40000, 5000);
    redis_server_do(r.server, "FLUSHALL");
    check_wait(r.guard, 39000, 40051);
    redis_server_age(r.server, "k", 30100); /* the closure still has 10 s, as has the lease */
    check_wait(r.guard, 8000, 9951);
    redis_server_do(r.server, "FLUSHALL");
    settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1);
    check_closed(r.guard, 40000, 50);
    redis_rig_free(&r);
}

/* The hour, too. */
TEST(what_was_counted_is_merged)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    CHECK_OK(lock_sync_guard_set_hourly_budget(r.guard, 3, 1));
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_server_do(r.server, "FLUSHALL");
    check_wait(r.guard, 3500000, 3900000);
    redis_server_do(r.server, "FLUSHALL");
    redis_server_settle_in(r.server, "k");
    check_wait(r.guard, 3500000, 3900000);
    redis_rig_free(&r);
}

/* Another used the account last, and the one that asks has seen only what was before. */
TEST(who_saw_an_older_record_is_not_let_through)
{
    redis_rig r;
    redis_rig other;

    NEED_REDIS();
    r = redis_rig_new(NULL, 5000);
    other = stranger(r.server, 5000);
    (void)redis_slot(r.guard, 0, 5000);
    redis_server_age(r.server, "k", 5000);
    settle(other.guard, redis_slot(other.guard, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 60000);
    redis_server_do(r.server, "FLUSHALL");
    check_closed(r.guard, 1000, 5000);
    check_blocked(other.guard); /* it knows, and from its next decision on all do */
    check_blocked(r.guard);
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* Who saw nothing waits as at the first use, because the marker is gone as well. */
TEST(who_saw_nothing_is_not_let_through)
{
    static const char *const commands[] = {"FLUSHALL", "DEL k k:locksync"};

    NEED_REDIS();
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        redis_rig r = redis_rig_new(NULL, 50);
        redis_rig other = stranger(r.server, 50);

        t_row("%s", commands[i]);
        block_for_a_minute(r.guard);
        redis_server_do(r.server, commands[i]);
        check_closed(other.guard, 1000, 50);
        check_blocked(r.guard);
        check_blocked(other.guard);
        redis_rig_free(&other);
        redis_rig_free(&r);
    }
}

/* The key is dropped once nothing of it matters: that is no loss. */
TEST(a_record_that_expired_is_no_loss)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 20000);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_server_age(r.server, "k", 3 * 3600000);
    settle(r.guard, 1, LOCK_SYNC_SLOT_SENT, -1); /* a look */
    redis_server_do(r.server, "DEL k");
    CHECK_OK(lock_sync_guard_reserve(r.guard, 1000, NULL, NULL));
    redis_rig_free(&r);
}

/* The slot of a life that is lost is no slot of the next one. */
TEST(a_slot_from_before_a_loss_refunds_nothing)
{
    redis_rig a;
    redis_rig c;
    redis_rig d;
    int64_t slot_a;
    int64_t slot_c;

    NEED_REDIS();
    a = redis_rig_new(NULL, 1);
    c = stranger(a.server, 1);
    d = stranger(a.server, 1);
    slot_a = redis_slot(a.guard, 1000, 5000);
    redis_server_do(a.server, "FLUSHALL");
    check_closed(c.guard, 1000, 1);
    redis_server_age(a.server, "k", 31000);
    slot_c = redis_slot(c.guard, 60000, 5000);
    CHECK(slot_a > 0 && slot_c > 0 && slot_a != slot_c);
    settle(a.guard, slot_a, LOCK_SYNC_SLOT_NOT_SENT, -1);
    check_wait(d.guard, 50000, 60001); /* c's lease */
    redis_rig_free(&d);
    redis_rig_free(&c);
    redis_rig_free(&a);
}

/* --- restarts --- */

TEST(a_restart_that_keeps_all)
{
    redis_rig r;
    redis_rig other;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    block_for_a_minute(r.guard);
    redis_server_kill(r.server);
    check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    redis_server_start(r.server);
    check_blocked(r.guard);
    other = stranger(r.server, 50);
    check_blocked(other.guard); /* who had seen nothing */
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* A server that was started again may have lost something, even if it has a record. */
TEST(a_restart_closes_whoever_asks_first)
{
    NEED_REDIS();
    for (int keeps = 0; keeps < 2; keeps++) {
        for (int has_seen = 0; has_seen < 2; has_seen++) {
            redis_rig r = redis_rig_new(keeps ? kept_on_disk : NULL, 300);
            redis_rig other = stranger(r.server, 300);
            redis_rig *asker = has_seen ? &r : &other;

            t_row("keeps %d, has seen %d", keeps, has_seen);
            settle(r.guard, redis_slot(r.guard, 500, 5000), LOCK_SYNC_SLOT_SENT, -1);
            redis_server_kill(r.server);
            redis_server_start(r.server);
            check_closed(asker->guard, 500, 300);
            check_closed(asker == &r ? other.guard : r.guard, 500, 300);
            redis_server_age(r.server, "k", LOSS_MS + 301);
            CHECK_OK(lock_sync_guard_reserve(asker->guard, 0, NULL, NULL));
            redis_rig_free(&other);
            redis_rig_free(&r);
        }
    }
}

/* Snapshots only, as Debian sets a server up: the record that comes back is one of before the 429. */
TEST(an_older_record_is_not_believed)
{
    redis_rig r;
    redis_rig other;
    int64_t slot;

    NEED_REDIS();
    r = redis_rig_new(NULL, 100);
    other = stranger(r.server, 100);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_server_do(r.server, "SAVE");
    slot = redis_slot(r.guard, 1000, 5000);
    settle(r.guard, slot, LOCK_SYNC_SLOT_LIMITED, 3600000);
    redis_server_kill(r.server);
    redis_server_start(r.server);
    CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
    check_closed(other.guard, 1000, 100); /* it cannot know more */
    check_wait(r.guard, 3590000, 3600001);
    check_wait(other.guard, 3590000, 3600001);
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* The same without a restart: only the version tells that the record is an older one. */
TEST(an_older_record_that_is_put_back_is_not_believed)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 100);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_server_do(r.server, "COPY k before");
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 3600000);
    redis_server_do(r.server, "COPY before k REPLACE");
    check_wait(r.guard, 3590000, 3600001);
    redis_rig_free(&r);
}

/* --- replicas --- */

/* The one that is promoted lacks the 429; all clients come to it by the old address. */
TEST(a_failover_that_loses_the_last_of_it)
{
    redis_server *replica;
    redis_rig r;
    redis_rig other;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 100);
    other = stranger(r.server, 100);
    replica = redis_server_new_replica(r.server);
    redis_server_settle_in(r.server, "k");
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_server_cut_off(replica, r.server);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_LIMITED, 3600000);
    redis_server_kill(r.server);
    redis_server_promote(replica);
    if (redis_server_replace(replica, r.server)) {
        check_closed(other.guard, 1000, 100);
        check_wait(r.guard, 3590000, 3600001);
        check_wait(other.guard, 3590000, 3600001);
    }
    redis_server_free(replica);
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* The first replica gives a server another replication id, while connections last: all users get to know it. */
TEST(a_source_that_changes_on_a_kept_connection)
{
    redis_server *replica;
    redis_rig r;
    redis_rig other;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 100);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    replica = redis_server_new_replica(r.server);
    other = stranger(r.server, 100);
    check_closed(other.guard, 1000, 100);
    check_closed(r.guard, 1000, 100); /* on the connection from before */
    redis_server_age(r.server, "k", LOSS_MS + 101);
    settle(r.guard, redis_slot(r.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    settle(other.guard, redis_slot(other.guard, 1000, 5000), LOCK_SYNC_SLOT_SENT, -1);
    redis_rig_free(&other);
    redis_server_free(replica);
    redis_rig_free(&r);
}

/* A connection to a replica would outlive its promotion, and nobody would ask for the new replication id. */
TEST(a_client_that_was_at_the_replica_before_its_promotion)
{
    redis_server *replica;
    redis_rig r;
    redis_rig other;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 100);
    replica = redis_server_new_replica(r.server);
    redis_server_settle_in(r.server, "k");
    CHECK(redis_slot(r.guard, 20000, 5000) > 0);
    freeReplyObject(redis_server_ask(r.server, "WAIT 1 %d", KIT_PATIENCE_MS));
    other = stranger(replica, 100);
    check_redis_fails(other.guard, 1000, "this is a replica, which does not write");
    redis_server_cut_off(replica, r.server);
    redis_server_kill(r.server);
    redis_server_promote(replica);
    check_closed(other.guard, 20000, 100);
    redis_rig_free(&other);
    redis_server_free(replica);
    redis_rig_free(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_deleted_key_is_restored),
        T(each_kind_is_closed_once),
        T(a_held_slot_is_restored),
        T(what_was_counted_is_merged),
        T(who_saw_an_older_record_is_not_let_through),
        T(who_saw_nothing_is_not_let_through),
        T(a_record_that_expired_is_no_loss),
        T(a_slot_from_before_a_loss_refunds_nothing),
        T(a_restart_that_keeps_all),
        T(a_restart_closes_whoever_asks_first),
        T(an_older_record_is_not_believed),
        T(an_older_record_that_is_put_back_is_not_believed),
        T(a_failover_that_loses_the_last_of_it),
        T(a_source_that_changes_on_a_kept_connection),
        T(a_client_that_was_at_the_replica_before_its_promotion),
    };

    return T_MAIN(tests);
}
