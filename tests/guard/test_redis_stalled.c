/* A channel to Redis in a loop that stalls for longer than a round trip may take: what has arrived meanwhile counts. */
#include "base/clock.h"
#include "guard/guard.h"
#include "guard/redis/channel.h"
#include "redis_server.h"

#include <stdlib.h>
#include <unistd.h>

#define BATCHES 3
#define REPLY_US 200000  /* enough for the server to reply to one batch before the next one */
#define STALL_US 1100000 /* longer than a round trip may take */

static const lock_sync_guard_channel_ops *const ops = &lsync_redis_channel_ops;

static void close_channel(void *channel)
{
    ops->close(channel);
}

static void *new_channel(lock_sync_redis *redis)
{
    void *channel;

    MUST_OK(ops->open(redis, &channel));
    (void)t_later(close_channel, channel);
    for (int tries = 0; tries < 5 && ops->fd(channel) < 0; tries++) { /* the first handshake is slow under valgrind */
        ops->connect(channel);
        ops->proceed(channel, false, false, lsync_clock_boot_us());
    }
    MUST(ops->fd(channel) >= 0);
    return channel;
}

/* Stalls while replies arrive. With TLS the replies to each batch are a record of their own. */
static void check_stall(lock_sync_redis *redis)
{
    void *channel = new_channel(redis);
    lock_sync_guard *guards[BATCHES];
    lsync_channel_task tasks[BATCHES];

    for (int i = 0; i < BATCHES; i++) {
        guards[i] = redis_guard(redis, t_later(free, kit_text("k:%d", i)), 20000);
        tasks[i] = (lsync_channel_task){.task = lsync_guard_task_ask(LOCK_SYNC_REQUEST_SYNC, 30000)};
        lsync_guard_begin(guards[i], &tasks[i]);
        ops->begin(channel, &tasks[i].proposal.swap);
        ops->proceed(channel, false, false, lsync_clock_boot_us());
        (void)usleep(REPLY_US);
    }
    (void)usleep(STALL_US);
    ops->proceed(channel, false, false, lsync_clock_boot_us()); /* the timer may come before the event */
    CHECK(ops->fd(channel) >= 0);
    for (int i = 0; i < BATCHES; i++) {
        t_row("batch %d", i);
        CHECK(tasks[i].proposal.swap.done);
        CHECK_OK(tasks[i].proposal.swap.status);
    }
}

TEST(replies_that_arrived_during_a_stall_count)
{
    redis_server *s = redis_here(NULL);

    redis_server_settle_in(s, "k:0");
    check_stall(redis_of(redis_server_url(s)));
}

#if WITH_REDIS_TLS
TEST(replies_that_arrived_during_a_stall_count_with_tls)
{
    redis_tls_server s = redis_tls_here(pems->good, "no");

    redis_server_settle_in(s.server, "k:0");
    check_stall(redis_of(t_later(free, kit_text("rediss://127.0.0.1:%u?ssl_ca_certs=%s", s.port, pems->ca))));
}
#endif

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
