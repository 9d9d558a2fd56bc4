/* How a slot ended, when that could not be written at once: the guard object keeps it, and acts on it. */
#include "contexts.h"
#include "impostor.h"
#include "redis_server.h"

#include <stdlib.h>
#include <unistd.h>

#define HOUR_MS 3600000

static const char *const kept_on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

static void check_blocked(lock_sync_guard *g)
{
    int64_t wait_ms = redis_wait_ms(g);

    if (!CHECK(wait_ms > HOUR_MS - 60000 && wait_ms <= HOUR_MS + 1))
        print_error("a wait of %lld ms\n", (long long)wait_ms);
}

/* What others know of the account. */
static void check_others_blocked(const redis_server *s, bool blocked)
{
    redis_rig other = redis_rig_at(redis_server_url(s), 50);
    int64_t wait_ms = redis_wait_ms(other.guard);

    CHECK_INT(wait_ms > HOUR_MS - 60000, blocked);
    redis_rig_free(&other);
}

static void end_unwritten(const redis_rig *r, int64_t slot, lock_sync_guard_outcome outcome, int64_t retry_after_ms)
{
    char text[200];

    CHECK(slot > 0);
    CHECK_INT(lock_sync_guard_settle(r->guard, slot, outcome, retry_after_ms), LOCK_SYNC_E_GUARD);
    CHECK(lock_sync_guard_error_message(r->guard, text, sizeof text) > 0);
}

TEST(a_429_that_could_not_be_written_is_kept_by_its_guard)
{
    redis_rig r;
    redis_rig other;
    int64_t slot;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    other = redis_rig_at(redis_server_url(r.server), 50);
    slot = redis_slot(r.guard, 1000, 5000);
    (void)redis_wait_ms(other.guard);
    redis_server_kill(r.server);
    end_unwritten(&r, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS);
    check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
    redis_server_start(r.server);
    CHECK(redis_wait_ms(other.guard) < 60000); /* it cannot know yet */
    redis_server_age(r.server, "k", 40000);    /* the restart's closure is over, and the gate open but for the 429 */
    check_blocked(r.guard);
    check_blocked(other.guard); /* from that decision on all do */
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* The time of the 429 counts, not that of its writing. */
TEST(the_block_runs_from_when_the_429_came)
{
    redis_rig r;
    int64_t slot;
    int64_t wait_ms;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    slot = redis_slot(r.guard, 1000, 5000);
    redis_server_pause(r.server, true);
    end_unwritten(&r, slot, LOCK_SYNC_SLOT_LIMITED, 60000);
    (void)usleep(700000);
    redis_server_pause(r.server, false);
    wait_ms = redis_wait_ms(r.guard);
    CHECK(wait_ms > 50000 && wait_ms <= 59300);
    redis_rig_free(&r);
}

/* The process ends at once: it tries once more, and has what it knows written if the server is back by then. */
TEST(the_last_reference_writes_what_is_kept)
{
    static const struct {
        bool killed; /* or only stopped */
        bool is_back;
    } rows[] = {{true, true}, {false, true}, {true, false}};

    NEED_REDIS();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redis_rig r = redis_rig_new(kept_on_disk, 50);
        int64_t slot = redis_slot(r.guard, 60000, 5000);
        int64_t before_ms;

        t_row("%d %d", rows[i].killed, rows[i].is_back);
        if (rows[i].killed)
            redis_server_kill(r.server);
        else
            redis_server_pause(r.server, true);
        end_unwritten(&r, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS);
        if (rows[i].killed && rows[i].is_back)
            redis_server_start(r.server);
        else
            redis_server_pause(r.server, false);
        before_ms = kit_now_ms();
        lock_sync_guard_unref(lock_sync_guard_ref(r.guard)); /* not the last */
        if (rows[i].is_back)
            check_others_blocked(r.server, false);
        lock_sync_guard_unref(r.guard);
        r.guard = NULL;
        CHECK(kit_now_ms() - before_ms <= 2500 * kit_slack());
        if (!rows[i].is_back)
            redis_server_start(r.server);
        check_others_blocked(r.server, rows[i].is_back);
        redis_rig_free(&r);
    }
}

/* One connection is refused or lost, the next one is not. */
TEST(one_connection_that_fails_loses_nothing)
{
    static const char *const scripts[] = {
        NO_KEY STILL_NONE WRITTEN,                       /* the slot */
        MET,                                             /* its settling: the look is lost, and the one after it */
        NO_KEY STILL_NONE WRITTEN,                       /* what was kept */
        NULL,
    };
    impostor i = {.scripts = scripts};
    int64_t slot = 0;
    redis_rig r;
    char *url;

    impostor_begin(&i);
    url = impostor_url(&i, "");
    r = redis_rig_at(url, 50);
    CHECK_OK(lock_sync_guard_reserve(r.guard, 1000, NULL, &slot));
    end_unwritten(&r, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS);
    lock_sync_guard_unref(r.guard);
    r.guard = NULL;
    redis_rig_free(&r);
    free(url);
    impostor_end(&i);
    CHECK_INT(i.asked, 3);
}

/* A slot that was given back unwritten, and one that was sent: the lease ends when that is written, not later. */
TEST(a_kept_outcome_ends_the_lease)
{
    static const lock_sync_guard_outcome outcomes[] = {LOCK_SYNC_SLOT_SENT, LOCK_SYNC_SLOT_NOT_SENT};

    NEED_REDIS();
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        redis_rig r = redis_rig_new(NULL, 1);
        int64_t slot = redis_slot(r.guard, 60000, 5000);

        t_row("%d", (int)outcomes[i]);
        redis_server_pause(r.server, true);
        end_unwritten(&r, slot, outcomes[i], -1);
        redis_server_pause(r.server, false);
        CHECK(redis_slot(r.guard, 0, 5000) > 0);
        redis_rig_free(&r);
    }
}

/* A holder that cannot settle, and is gone, costs its hold, no more. */
TEST(a_slot_that_could_not_be_settled)
{
    redis_rig r;
    redis_rig other;
    int64_t reserved_us;

    NEED_REDIS();
    r = redis_rig_new(NULL, 50);
    other = redis_rig_at(redis_server_url(r.server), 50);
    CHECK(redis_slot(r.guard, 800, 5000) > 0);
    reserved_us = kit_now_us();
    CHECK(redis_slot(other.guard, 0, 5000) > 0);
    CHECK(kit_now_us() - reserved_us >= 840000);
    CHECK(kit_now_us() - reserved_us <= 2000000 * kit_slack());
    redis_rig_free(&other);
    redis_rig_free(&r);
}

/* --- a context --- */

/* The server is gone when the answer is there. */
static void kill_server(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    redis_server_kill(user);
}

TEST(a_context_keeps_a_429_that_its_guard_could_not_write)
{
    const t_step steps[] = {{.http = 429, .headers = {"Retry-After", "3600"}, .hook = kill_server}};
    t_fake fake = {.steps = steps, .step_count = 1};
    t_log log = {0};
    lock_sync_ctx *ctx;
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(kept_on_disk, 50);
    fake.user = r.server;
    ctx = guarded_ctx(&fake, r.guard, LOCK_SYNC_GUARD_FAIL);
    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_RATE_LIMITED);
    CHECK_HOLDS(log.text, "the guard could not note the end of a fetch");
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_GUARD);
    redis_server_start(r.server);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_HOLDS(t_error_message(ctx), "429");
    CHECK(retry_after(ctx) > HOUR_MS - 60000);
    CHECK_INT(fake.performed, 1);
    check_others_blocked(r.server, true);
    lock_sync_ctx_free(ctx);
    redis_rig_free(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_429_that_could_not_be_written_is_kept_by_its_guard),
        T(the_block_runs_from_when_the_429_came),
        T(the_last_reference_writes_what_is_kept),
        T(one_connection_that_fails_loses_nothing),
        T(a_kept_outcome_ends_the_lease),
        T(a_slot_that_could_not_be_settled),
        T(a_context_keeps_a_429_that_its_guard_could_not_write),
    };

    return T_MAIN(tests);
}
