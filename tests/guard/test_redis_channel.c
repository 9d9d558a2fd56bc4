/* The channel to a Redis server: swaps that are pipelined over one connection. The test does what a pool does. */
#include "base/clock.h"
#include "guard/guard.h"
#include "guard/redis/channel.h"
#include "impostor.h"
#include "redis_server.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS_MAX 64
#define S(s) ((int64_t)(s)*1000000)

typedef struct rig {
    redis_server *server;
    lock_sync_redis *redis;
    void *channel;
} rig;

static const lock_sync_guard_channel_ops *const ops = &lsync_redis_channel_ops;

static const char *later(char *text)
{
    return t_later(free, text);
}

static void close_channel(void *channel)
{
    ops->close(channel);
}

static rig new_rig(void)
{
    rig r = {.server = redis_here(NULL)};

    r.redis = redis_of(redis_server_url(r.server));
    redis_server_settle_in(r.server, "k");
    CHECK_OK(ops->open(r.redis, &r.channel));
    (void)t_later(close_channel, r.channel);
    return r;
}

/* Waits for an event of the channel, and lets it proceed. */
static void proceed(void *channel)
{
    int64_t due_us;
    int64_t now_us = lsync_clock_boot_us();
    uint32_t wants = ops->wants(channel, now_us, &due_us);
    struct pollfd poller = {
        ops->fd(channel),
        (short)((wants & LOCK_SYNC_CHANNEL_READ ? POLLIN : 0) | (wants & LOCK_SYNC_CHANNEL_WRITE ? POLLOUT : 0)), 0};

    if (wants & LOCK_SYNC_CHANNEL_CONNECT) {
        ops->connect(channel);
        return;
    }
    (void)poll(&poller, 1, due_us == INT64_MAX ? -1 : due_us <= now_us ? 0 : (int)((due_us - now_us) / 1000 + 1));
    ops->proceed(channel, poller.revents & POLLIN, poller.revents & POLLOUT, lsync_clock_boot_us());
}

static void connect_channel(void *channel)
{
    int64_t due_us;

    while (ops->fd(channel) < 0)
        if (ops->wants(channel, lsync_clock_boot_us(), &due_us) & LOCK_SYNC_CHANNEL_CONNECT)
            ops->connect(channel);
}

/* Returns whether the swap failed only because it came after its window. */
static bool was_late(const lock_sync_guard_swap *swap)
{
    return swap->status == LOCK_SYNC_OK && swap->record_size > 0 && swap->now_us > swap->not_after_us &&
           swap->found_size == swap->expected_size && memcmp(swap->found, swap->expected, swap->found_size) == 0;
}

/* Carries out a task of a guard over the channel. Returns how many swaps that took. One that had to be made again only
   because it was late does not count: the machine may be busy. */
static int run(void *channel, lock_sync_guard *g, lsync_channel_task *t)
{
    const lock_sync_guard_swap *swap = &t->proposal.swap;
    int swaps = 0;
    bool more = true;
    bool late;

    for (lsync_guard_begin(g, t); more; swaps += !(more && late)) {
        ops->begin(channel, &t->proposal.swap);
        ops->proceed(channel, false, false, lsync_clock_boot_us());
        while (!swap->done)
            proceed(channel);
        late = was_late(swap);
        more = lsync_guard_continue(g, t);
    }
    return swaps;
}

static lsync_channel_task asking(void)
{
    return (lsync_channel_task){.task = lsync_guard_task_ask(LOCK_SYNC_REQUEST_SYNC, 30000)};
}

static lsync_channel_task settling(int64_t slot)
{
    const lsync_settlement not_sent = {LOCK_SYNC_SLOT_NOT_SENT, -1, 0};

    return (lsync_channel_task){.task = lsync_guard_task_settle(slot, &not_sent)};
}

TEST(a_decision_is_one_swap_once_the_record_was_seen)
{
    rig r = new_rig();
    lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
    lsync_channel_task t = asking();

    connect_channel(r.channel);
    CHECK_INT(run(r.channel, g, &t), 2); /* a look, and the first record */
    CHECK_OK(t.status);
    t = settling(t.task.reservation.slot);
    CHECK_INT(run(r.channel, g, &t), 1);
    CHECK_OK(t.status);
    t = asking();
    CHECK_INT(run(r.channel, g, &t), 1); /* nothing was sent, so the slot was given back */
    CHECK_OK(t.status);
    t = asking();
    CHECK_INT(run(r.channel, g, &t), 1); /* a look confirms the denial */
    CHECK_INT(t.status, LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(t.task.reservation.reason, LSYNC_GUARD_REASON_LEASE);
    CHECK(redis_server_number(r.server, "PTTL k") > 30000);
}

TEST(another_user_costs_one_swap_more)
{
    rig r = new_rig();
    lock_sync_guard *g = redis_guard(r.redis, "k", 1);
    lock_sync_guard *other = redis_user(redis_server_url(r.server), 1);
    lsync_channel_task t = asking();
    int64_t slot;

    connect_channel(r.channel);
    (void)run(r.channel, g, &t);
    t = settling(t.task.reservation.slot);
    (void)run(r.channel, g, &t);
    slot = redis_slot(other, 1000, 1000); /* over a connection of its own, without the script */
    CHECK(slot != 0);
    CHECK_OK(lock_sync_guard_settle(other, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    t = asking();
    CHECK_INT(run(r.channel, g, &t), 2);
    CHECK_OK(t.status);
    CHECK_INT(redis_wait_ms(other) > 0, true);
}

TEST(many_guards_decide_at_the_same_time)
{
    rig r = new_rig();
    lock_sync_guard *guards[TASKS_MAX];
    lsync_channel_task tasks[TASKS_MAX];
    size_t open = TASKS_MAX;

    connect_channel(r.channel);
    for (int i = 0; i < TASKS_MAX; i++) {
        guards[i] = redis_guard(r.redis, later(kit_text("k:%d", i)), 20000);
        redis_server_settle_in(r.server, later(kit_text("k:%d", i)));
        tasks[i] = asking();
        lsync_guard_begin(guards[i], &tasks[i]);
        ops->begin(r.channel, &tasks[i].proposal.swap);
        if (i % 3 == 0)
            ops->proceed(r.channel, false, false, lsync_clock_boot_us());
    }
    while (open > 0) {
        proceed(r.channel);
        for (int i = 0; i < TASKS_MAX; i++) {
            lock_sync_guard_swap *swap = &tasks[i].proposal.swap;

            if (!swap->done)
                continue;
            swap->done = false;
            if (lsync_guard_continue(guards[i], &tasks[i]))
                ops->begin(r.channel, swap);
            else
                open--;
        }
        ops->proceed(r.channel, false, false, lsync_clock_boot_us());
    }
    for (int i = 0; i < TASKS_MAX; i++)
        CHECK_OK(tasks[i].status);
}

TEST(a_script_that_the_server_has_forgotten_is_sent_again)
{
    rig r = new_rig();
    lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
    lsync_channel_task t = asking();

    connect_channel(r.channel);
    (void)run(r.channel, g, &t);
    redis_server_do(r.server, "SCRIPT FLUSH");
    t = settling(t.task.reservation.slot);
    CHECK_INT(run(r.channel, g, &t), 1);
    CHECK_OK(t.status);
    t = asking();
    CHECK_INT(run(r.channel, g, &t), 1);
    CHECK_OK(t.status);
}

TEST(a_server_that_dies_or_hangs_fails_the_open_swaps)
{
    static const bool rows[] = {false, true}; /* whether it hangs */

    for (size_t i = 0; i < 2; i++) {
        rig r = new_rig();
        lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
        lsync_channel_task t = asking();
        int64_t began_ms;
        int64_t slot;
        char why[200];

        t_row("it %s", rows[i] ? "hangs" : "dies");
        connect_channel(r.channel);
        (void)run(r.channel, g, &t);
        slot = t.task.reservation.slot;
        if (rows[i])
            redis_server_pause(r.server, true);
        else
            redis_server_kill(r.server);
        began_ms = kit_now_ms();
        t = settling(slot);
        (void)run(r.channel, g, &t);
        CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
        CHECK(t.proposal.swap.unknown == rows[i] || !rows[i]);
        CHECK(kit_now_ms() - began_ms < 1000 + 1000 * kit_slack());
        CHECK(lock_sync_guard_error_message(g, why, sizeof why) > 0);
        CHECK_INT(ops->fd(r.channel), -1);
        if (rows[i])
            redis_server_pause(r.server, false);
        else
            redis_server_start(r.server);
        connect_channel(r.channel);
        t = asking(); /* writes the outcome that was kept; a server that lost its records is closed at first */
        (void)run(r.channel, g, &t);
        CHECK_INT(t.status, rows[i] ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
    }
}

TEST(swaps_fail_while_the_server_is_out_of_reach)
{
    rig r = new_rig();
    lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
    lsync_channel_task t = asking();
    int64_t due_us;

    redis_server_kill(r.server);
    CHECK_INT(ops->wants(r.channel, lsync_clock_boot_us(), &due_us), LOCK_SYNC_CHANNEL_CONNECT);
    ops->connect(r.channel);
    CHECK_INT(ops->wants(r.channel, lsync_clock_boot_us(), &due_us), 0);
    CHECK_INT(run(r.channel, g, &t), 1);
    CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
    CHECK(!t.proposal.swap.unknown);
    CHECK(strstr(t.proposal.swap.why, "connecting failed") != NULL);
}

TEST(an_error_of_the_server_fails_one_swap)
{
    rig r = new_rig();
    lock_sync_guard *wrong = redis_guard(r.redis, "wrong", 20000);
    lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
    lsync_channel_task t = asking();

    connect_channel(r.channel);
    redis_server_do(r.server, "LPUSH wrong 1");
    CHECK_INT(run(r.channel, wrong, &t), 1);
    CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
    CHECK(strstr(t.proposal.swap.why, "(WRONGTYPE)") != NULL);
    t = asking();
    (void)run(r.channel, g, &t);
    CHECK_OK(t.status);
}

#define SHA "$40\r\n0123456789012345678901234567890123456789\r\n"

/* Another server may be the master now. */
TEST(a_server_that_is_read_only_is_left)
{
    static const struct {
        const char *script; /* the replies on a connection */
        bool is_left;
    } rows[] = {
        {MET SHA "-READONLY You can't write against a read only replica. script: 1, on @user_script:9.\r\n" ROLE, true},
        {MET SHA "-ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -READONLY You can't write "
                 "against a read only replica.\r\n" ROLE,
         true},
        {MET SHA "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n" ROLE, true},
        {MET SHA "-OOM command not allowed when used memory > 'maxmemory'.\r\n" ROLE, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const scripts[] = {rows[i].script, rows[i].script, NULL};
        const impostor *server = impostor_here((impostor){.scripts = scripts});
        lock_sync_redis *redis = redis_of(impostor_url(server, ""));
        lsync_channel_task t = asking();
        int64_t due_us;
        void *channel;

        t_row("%.40s", rows[i].script + sizeof(MET SHA) - 1);
        CHECK_OK(ops->open(redis, &channel));
        (void)t_later(close_channel, channel);
        connect_channel(channel);
        (void)run(channel, redis_guard(redis, "k", 20000), &t);
        CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
        CHECK(strstr(t.proposal.swap.why, "the script failed: ") != NULL);
        CHECK_INT(ops->fd(channel) < 0, rows[i].is_left);
        CHECK_INT(ops->wants(channel, lsync_clock_boot_us(), &due_us),
                  rows[i].is_left ? LOCK_SYNC_CHANNEL_CONNECT : LOCK_SYNC_CHANNEL_READ);
        connect_channel(channel);
        CHECK_INT(atomic_load(&server->connections), rows[i].is_left ? 2 : 1);
    }
}

/* Otherwise each decision would connect again, only to find a replica. */
TEST(a_replica_is_tried_more_and_more_rarely)
{
    static const char replica[] = "$66\r\nrole:slave\r\nmaster_replid:" SOURCE "\r\n" AOF NOTHING NOTHING;
    static const char *const scripts[] = {replica, replica, NULL};
    const impostor *server = impostor_here((impostor){.scripts = scripts});
    lock_sync_redis *redis = redis_of(impostor_url(server, ""));
    lock_sync_guard *g = redis_guard(redis, "k", 20000);
    void *channel;

    CHECK_OK(ops->open(redis, &channel));
    (void)t_later(close_channel, channel);
    for (int i = 0; i < 2; i++) { /* the second time at once */
        lsync_channel_task t = asking();
        int64_t due_us;

        CHECK_INT(ops->wants(channel, lsync_clock_boot_us(), &due_us), LOCK_SYNC_CHANNEL_CONNECT);
        ops->connect(channel);
        (void)run(channel, g, &t);
        CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
        CHECK(strstr(t.proposal.swap.why, "this is a replica, which does not write") != NULL);
        CHECK_INT(ops->fd(channel), -1);
        CHECK_INT(ops->wants(channel, lsync_clock_boot_us(), &due_us), i == 0 ? LOCK_SYNC_CHANNEL_CONNECT : 0);
    }
}

TEST(a_user_needs_only_the_documented_commands)
{
    static const struct {
        const char *name;
        const char *info; /* the permission */
        bool granted;
    } rows[] = {{"with INFO", "+info", true}, {"without", "", false}};

    for (size_t i = 0; i < 2; i++) {
        redis_server *server = redis_here(NULL);
        lock_sync_redis *redis = redis_of(later(kit_text("redis://u:p@127.0.0.1:%d", redis_server_port(server))));
        lock_sync_guard *g = redis_guard(redis, "tenant:1", 20000);
        lsync_channel_task t = asking();
        void *channel;

        t_row("%s", rows[i].name);
        redis_server_settle_in(server, "tenant:1");
        redis_server_do(server,
                        later(kit_text("ACL SETUSER u on >p ~tenant:* +get +set +time +eval +evalsha +script|load %s",
                                       rows[i].info)));
        CHECK_OK(ops->open(redis, &channel));
        (void)t_later(close_channel, channel);
        connect_channel(channel);
        (void)run(channel, g, &t);
        CHECK_INT(t.status, rows[i].granted ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON); /* absent counts as lost */
    }
}

TEST(the_first_use_makes_the_marker)
{
    redis_server *server = redis_here(NULL);
    lock_sync_redis *redis = redis_of(redis_server_url(server));
    lock_sync_guard *g = redis_guard(redis, "tenant:1", 20000);
    lsync_channel_task t = asking();
    void *channel;

    CHECK_OK(ops->open(redis, &channel));
    (void)t_later(close_channel, channel);
    connect_channel(channel);
    (void)run(channel, g, &t);
    CHECK_INT(t.status, LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(t.task.reservation.reason, LSYNC_GUARD_REASON_FIRST_USE);
    CHECK_INT(redis_server_number(server, "STRLEN tenant:locksync"), 57);
}

/* Carries out a decision with a server that sends what the scripts say. */
static void check_channel_fails(impostor does, lock_sync_status status, const char *why)
{
    lock_sync_redis *redis = redis_of(impostor_url(impostor_here(does), ""));
    lock_sync_guard *g = redis_guard(redis, "k", 1);
    lsync_channel_task t = asking();
    void *channel;

    CHECK_OK(ops->open(redis, &channel));
    connect_channel(channel);
    (void)run(channel, g, &t);
    CHECK_INT(t.status, status);
    CHECK_HOLDS(t.proposal.swap.why, why);
    ops->close(channel);
}

TEST(odd_replies_break_a_channel_off)
{
    static const char *const another[] = {NO_KEY WRITTEN OTHER_ROLE, NULL};
    static const char *const read_only[] = {MET LOADED "-READONLY You can't write\r\n", NULL};

    check_channel_fails((impostor){.scripts = another}, LOCK_SYNC_E_GUARD, "the server was restarted or replaced");
    check_channel_fails((impostor){.scripts = read_only}, LOCK_SYNC_E_GUARD, "(READONLY)");
    check_channel_fails((impostor){.says = MET LOADED "$999999\r\n", .again = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
                        LOCK_SYNC_E_GUARD, "the reply is longer than 64 KiB");
}

TEST(a_reply_without_a_command_breaks_a_channel_off)
{
    const impostor does = {.says = MET LOADED, .again = "+OK\r\n", .again_ms = 10};
    lock_sync_redis *redis = redis_of(impostor_url(impostor_here(does), ""));
    void *channel;

    CHECK_OK(ops->open(redis, &channel));
    connect_channel(channel);
    while (ops->fd(channel) >= 0)
        proceed(channel);
    ops->close(channel);
}

/* A forked child has no channel: it must not use its parent's connection. */
TEST(a_forked_child_breaks_its_copy_off)
{
    rig r = new_rig();
    lock_sync_guard *g = redis_guard(r.redis, "k", 20000);
    lsync_channel_task t = asking();
    int ended = -1;
    pid_t child;

    connect_channel(r.channel);
    child = fork();
    if (child == 0) {
        ops->proceed(r.channel, false, false, lsync_clock_boot_us());
        exit(ops->fd(r.channel) == -1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    CHECK(child > 0 && waitpid(child, &ended, 0) == child);
    CHECK_INT(ended, 0);
    (void)run(r.channel, g, &t);
    CHECK_OK(t.status);
}

TEST(closing_ends_the_open_swaps_as_unknown)
{
    rig r = {.server = redis_here(NULL)};
    lock_sync_guard *g;
    lsync_channel_task t = asking();

    r.redis = redis_of(redis_server_url(r.server));
    redis_server_settle_in(r.server, "k");
    g = redis_guard(r.redis, "k", 20000);
    CHECK_OK(ops->open(r.redis, &r.channel));
    connect_channel(r.channel);
    (void)run(r.channel, g, &t);
    t = settling(t.task.reservation.slot);
    lsync_guard_begin(g, &t);
    ops->begin(r.channel, &t.proposal.swap);
    ops->proceed(r.channel, false, false, lsync_clock_boot_us());
    ops->close(r.channel);
    CHECK(t.proposal.swap.done && t.proposal.swap.unknown);
    CHECK(!lsync_guard_continue(g, &t));
    CHECK_INT(t.status, LOCK_SYNC_E_GUARD);
}
