/* lock_sync_cancel() from another thread, wherever lock_sync_watch_next() waits; the watch goes on afterwards. */
#include "client.h"

#include <time.h>

#define TRIES 10
#define SOON_US (100000 * kit_slack())
#define NEVER_MS 20000

/* Waits for ever, and is cancelled when `met` says so. */
static void cancel_when(const client *c, lock_sync_watch *w, bool (*met)(void *user), void *user)
{
    canceller *other = canceller_begin(c->ctx, met, user);
    lock_sync_changes *changes = (void *)other;
    lock_sync_status status = lock_sync_watch_next(w, -1, &changes);
    int64_t ended_us = kit_now_us();
    int64_t took_us = ended_us - canceller_end(other);

    expect_status(c, status, LOCK_SYNC_E_CANCELLED);
    MUST(changes == NULL);
    MUST(took_us >= 0 && took_us < SOON_US);
}

typedef struct rhythm {
    lock_sync_ctx *ctx;
    size_t over;
} rhythm;

static void cancel_every_20_ms(void *user)
{
    static const struct timespec pause = {0, 20000000};
    rhythm *r = user;

    while (__atomic_load_n(&r->over, __ATOMIC_ACQUIRE) == 0) {
        (void)nanosleep(&pause, NULL);
        lock_sync_cancel(r->ctx);
    }
}

/* Nobody can see from outside that a wait has begun: so cancels come again and again, and one of them ends it. */
static void cancel_waits(const client *c, lock_sync_watch *w)
{
    rhythm r = {c->ctx, 0};
    background *other = background_begin(cancel_every_20_ms, &r);

    for (int i = 0; i < TRIES; i++) {
        int64_t began_us = kit_now_us();
        lock_sync_changes *changes = (void *)other;

        expect_status(c, lock_sync_watch_next(w, -1, &changes), LOCK_SYNC_E_CANCELLED);
        MUST(changes == NULL);
        MUST(kit_now_us() - began_us < SOON_US);
    }
    __atomic_store_n(&r.over, 1, __ATOMIC_RELEASE);
    background_end(other);
}

static lock_sync_watch *watch_new(const client *c, int64_t interval_ms)
{
    lock_sync_watch *w;

    MUST_OK(lock_sync_watch_new(c->ctx, NULL, 0, &w));
    MUST_OK(lock_sync_watch_set_interval_ms(w, interval_ms));
    return w;
}

static void expect_locks(lock_sync_watch *w)
{
    lock_sync_changes *changes;

    MUST_OK(lock_sync_watch_next(w, KIT_PATIENCE_MS, &changes));
    MUST_INT(lock_sync_changes_count(changes), 2);
    lock_sync_changes_free(changes);
}

TEST(while_it_waits_for_the_next_poll)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    lock_sync_watch *w = watch_new(&c, NEVER_MS);

    expect_locks(w);
    cancel_waits(&c, w);
    MUST_INT(raw_requests(server), 1); /* the next poll is due when it was */
    MUST_OK(lock_sync_watch_last_status(w));
    lock_sync_watch_free(w);
    client_free(&c);
    raw_stop(server);
}

TEST(while_it_waits_for_the_guard)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    lock_sync_watch *w = watch_new(&c, 1);
    lock_sync_guard *g;
    int64_t slot;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, &slot));
    MUST_OK(lock_sync_set_guard(c.ctx, g));
    MUST_OK(lock_sync_set_guard_mode(c.ctx, LOCK_SYNC_GUARD_FAIL));
    cancel_waits(&c, w);
    MUST_INT(raw_requests(server), 0);
    MUST_OK(lock_sync_set_guard(c.ctx, NULL));
    lock_sync_watch_free(w);
    w = watch_new(&c, 1);
    expect_locks(w);
    lock_sync_watch_free(w);
    lock_sync_guard_unref(g);
    client_free(&c);
    raw_stop(server);
}

typedef struct progress {
    raw_server *server;
    size_t requests;
} progress;

static bool has_asked(void *user)
{
    const progress *p = user;

    return raw_requests(p->server) >= p->requests;
}

TEST(while_the_service_is_silent)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent, silent, silent, silent, silent};
    progress p = {raw_start(AF_INET, scripts, COUNT_OF(scripts)), 0};
    client c = client_new(raw_url(p.server));
    lock_sync_watch *w = watch_new(&c, 1);

    for (p.requests = 1; p.requests <= COUNT_OF(scripts); p.requests++) {
        cancel_when(&c, w, has_asked, &p);
        MUST_INT(lock_sync_watch_last_status(w), LOCK_SYNC_E_CANCELLED);
    }
    expect_locks(w);
    MUST_INT(raw_requests(p.server), COUNT_OF(scripts) + 1);
    lock_sync_watch_free(w);
    client_free(&c);
    raw_stop(p.server);
}

static void cancel_often(void *user)
{
    rhythm *s = user;

    while (__atomic_load_n(&s->over, __ATOMIC_ACQUIRE) == 0)
        lock_sync_cancel(s->ctx);
}

TEST(at_any_instant)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    lock_sync_watch *w = watch_new(&c, 1);
    rhythm s = {c.ctx, 0};
    background *other = background_begin(cancel_often, &s);
    lock_sync_changes *changes;
    size_t told = 0;

    for (int i = 0; i < 200; i++) {
        lock_sync_status status = lock_sync_watch_next(w, 2, &changes);

        told += lock_sync_changes_count(changes);
        lock_sync_changes_free(changes);
        MUST(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_CANCELLED || status == LOCK_SYNC_E_TIMEOUT);
    }
    __atomic_store_n(&s.over, 1, __ATOMIC_RELEASE);
    background_end(other);
    if (told == 0)
        expect_locks(w);
    else
        MUST_INT(told, 2);
    MUST_INT(lock_sync_watch_next(w, 50, &changes), LOCK_SYNC_E_TIMEOUT); /* the last cancel left no trace */
    lock_sync_watch_free(w);
    client_free(&c);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(while_it_waits_for_the_next_poll),
        T(while_it_waits_for_the_guard),
        T(while_the_service_is_silent),
        T(at_any_instant),
    };

    return T_MAIN(tests);
}
