/* What a Redis server may lose, and that nothing of it is "free to go". */
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const kept_on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

/* A slot that was answered with a 429 that blocks for a minute: what is easily seen to be remembered. */
static void block_for_a_minute(lock_sync_guard *g)
{
    int64_t slot = redis_slot(g, 1000, 5000);

    CHECK(slot > 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 60000));
}

static void check_blocked(lock_sync_guard *g)
{
    int64_t wait_ms = 0;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 50000 && wait_ms <= 60001);
}

TEST(a_deleted_key_is_restored)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 50);
    block_for_a_minute(r.guard);
    redis_server_do(r.server, "DEL k");
    check_blocked(r.guard);
    CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1);
    redis_server_do(r.server, "FLUSHALL");
    check_blocked(r.guard);
    redis_server_do(r.server, "PEXPIRE k 1");
    (void)usleep(10000);
    check_blocked(r.guard);
    redis_rig_free(&r);
}

TEST(a_held_slot_is_restored)
{
    redis_rig r;
    int64_t slot;
    int64_t wait_ms;

    NEED_REDIS();
    r = redis_rig_new(NULL, 50);
    slot = redis_slot(r.guard, 20000, 5000);
    redis_server_do(r.server, "FLUSHALL");
    CHECK_INT(lock_sync_guard_reserve(r.guard, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 19000 && wait_ms <= 20051);
    redis_server_do(r.server, "FLUSHALL");
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK(redis_slot(r.guard, 1, 5000) > slot); /* settled, so soon */
    redis_rig_free(&r);
}

TEST(a_restart_that_keeps_all)
{
    redis_rig r;
    lock_sync_redis *other_redis;
    lock_sync_guard *other;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    block_for_a_minute(r.guard);
    redis_server_kill(r.server);
    check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    redis_server_start(r.server);
    check_blocked(r.guard);
    other_redis = redis_of(redis_server_url(r.server));
    other = redis_guard(other_redis, "k", 50);
    check_blocked(other); /* who had seen nothing */
    lock_sync_guard_unref(other);
    lock_sync_redis_free(other_redis);
    redis_rig_free(&r);
}

TEST(a_restart_that_loses_all)
{
    redis_rig r;
    int64_t slot;

    NEED_REDIS();
    r = redis_rig_new(NULL, 300);
    slot = redis_slot(r.guard, 500, 5000);
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    (void)usleep(400000); /* as far as this guard knows the gate is open */
    redis_server_kill(r.server);
    redis_server_start(r.server);
    /* another may have taken a slot just before: its hold, as long as the last one seen, and the interval */
    CHECK(redis_slot(r.guard, 500, 5000) > slot);
    CHECK(kit_now_us() - redis_server_began_us(r.server) >= 800000);
    CHECK(kit_now_us() - redis_server_began_us(r.server) <= 2500000 * kit_slack());
    block_for_a_minute(r.guard);
    redis_server_kill(r.server);
    redis_server_start(r.server);
    check_blocked(r.guard);
    redis_rig_free(&r);
}

/* Until the wall clock is at that part of a second. */
static void wait_for_part_of_second(long ms)
{
    struct timespec t;

    do {
        (void)usleep(200);
        (void)clock_gettime(CLOCK_REALTIME, &t);
    } while (t.tv_nsec / 1000000 < ms || t.tv_nsec / 1000000 > ms + 20);
}

/* The server tells its age in whole seconds: whatever part of a second it starts in, and whenever it is asked first,
   the first slot is not early. */
TEST(without_a_copy_an_interval_after_the_start)
{
    static const struct {
        long started;
        bool asked_in_the_next_second;
    } rows[] = {{50, false}, {650, false}, {700, true}, {900, true}};

    NEED_REDIS();
    for (size_t i = 0; i < T_COUNT(rows); i++) {
        redis_rig r;
        int64_t after_us;

        t_row("started at .%03ld", rows[i].started);
        wait_for_part_of_second(rows[i].started);
        r = redis_rig_new(NULL, 400);
        if (rows[i].asked_in_the_next_second)
            wait_for_part_of_second(0);
        CHECK(redis_slot(r.guard, 500, 5000) > 0);
        after_us = kit_now_us() - redis_server_began_us(r.server);
        if (!CHECK(after_us >= 400000))
            print_error("a slot %lld us after the server was started\n", (long long)after_us);
        CHECK(after_us <= 2500000 * kit_slack());
        redis_rig_free(&r);
    }
}

/* The same where it hurts: a slot was used just before the server was killed, and another host asks first. */
TEST(a_stranger_after_a_restart_keeps_the_interval)
{
    redis_rig r;
    lock_sync_redis *stranger_redis;
    lock_sync_guard *stranger;
    int64_t slot;
    int64_t used_us;

    NEED_REDIS();
    r = redis_rig_new(NULL, 400);
    slot = redis_slot(r.guard, 500, 5000);
    wait_for_part_of_second(880);
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    used_us = kit_now_us();
    redis_server_kill(r.server);
    redis_server_start(r.server);
    wait_for_part_of_second(0);
    stranger_redis = redis_of(redis_server_url(r.server));
    stranger = redis_guard(stranger_redis, "k", 400);
    CHECK(redis_slot(stranger, 500, 5000) > 0);
    if (!CHECK(kit_now_us() - used_us >= 400000))
        print_error("a slot %lld us after another's answer\n", (long long)(kit_now_us() - used_us));
    lock_sync_guard_unref(stranger);
    lock_sync_redis_free(stranger_redis);
    redis_rig_free(&r);
}

TEST(a_server_that_is_gone_and_comes_back)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 20);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_kill(r.server);
    for (int i = 0; i < 5; i++)
        check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    CHECK_INT(lock_sync_guard_settle(r.guard, 1, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    redis_server_start(r.server);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_rig_free(&r);
}

/* A holder that cannot settle costs its hold, no more. */
TEST(a_slot_that_could_not_be_settled)
{
    redis_rig r;
    int64_t slot;
    int64_t reserved_us;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    slot = redis_slot(r.guard, 800, 5000);
    reserved_us = kit_now_us();
    redis_server_kill(r.server);
    CHECK_INT(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    redis_server_start(r.server);
    CHECK(redis_slot(r.guard, 0, 5000) > slot);
    CHECK(kit_now_us() - reserved_us >= 840000);
    CHECK(kit_now_us() - reserved_us <= 2000000 * kit_slack());
    redis_rig_free(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_deleted_key_is_restored),
        T(a_held_slot_is_restored),
        T(a_restart_that_keeps_all),
        T(a_restart_that_loses_all),
        T(without_a_copy_an_interval_after_the_start),
        T(a_stranger_after_a_restart_keeps_the_interval),
        T(a_server_that_is_gone_and_comes_back),
        T(a_slot_that_could_not_be_settled),
    };

    return T_MAIN(tests);
}
