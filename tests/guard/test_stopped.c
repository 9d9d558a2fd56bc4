/* lock_sync_set_stopped() and calls that block: while a context is stopped, nothing begins, and what runs ends. In a
   pool: tests/pool/test_stopped.c. */
#include "contexts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOON_US (1000000 * kit_slack())

static void stop(lock_sync_ctx *ctx, bool stopped)
{
    CHECK_OK(lock_sync_set_stopped(ctx, stopped));
}

static lock_sync_status fetch_one(lock_sync_ctx *ctx)
{
    lock_sync_results *r;
    lock_sync_status status = lock_sync_fetch_one(ctx, 1, &r);

    CHECK((r != NULL) == (status == LOCK_SYNC_OK));
    lock_sync_results_free(r);
    return status;
}

static lock_sync_status fetch_directory(lock_sync_ctx *ctx)
{
    lock_sync_directory *d;
    lock_sync_status status = lock_sync_fetch_directory(ctx, &d);

    CHECK((d != NULL) == (status == LOCK_SYNC_OK));
    lock_sync_directory_free(d);
    return status;
}

static lock_sync_status watch(lock_sync_ctx *ctx)
{
    lock_sync_changes *changes;
    lock_sync_watch *w;
    lock_sync_status status;

    MUST_OK(lock_sync_watch_new(ctx, NULL, 0, &w));
    status = lock_sync_watch_next(w, -1, &changes);
    CHECK_OK(lock_sync_watch_last_status(w)); /* a poll that never began does not count */
    CHECK_INT(lock_sync_watch_due_in_ms(w), 0);
    lock_sync_changes_free(changes);
    lock_sync_watch_free(w);
    return status;
}

/* Each call, in each mode of the guard: it ends before the guard, the provider and the transport are asked. */
TEST(a_stopped_context_begins_nothing)
{
    static const struct {
        const char *name;
        lock_sync_status (*call)(lock_sync_ctx *ctx);
    } calls[] = {{"fetch", fetch_all}, {"fetch_one", fetch_one}, {"directory", fetch_directory}, {"watch_next", watch}};
    static const lock_sync_guard_mode modes[] = {LOCK_SYNC_GUARD_FAIL, LOCK_SYNC_GUARD_WAIT, LOCK_SYNC_GUARD_CACHED,
                                                 LOCK_SYNC_GUARD_OFF};

    for (size_t i = 0; i < COUNT_OF(calls) * COUNT_OF(modes); i++) {
        guarded *c = GUARDED(test_guard(20000), FAIL, response_good);
        lock_sync_status (*call)(lock_sync_ctx * ctx) = calls[i / COUNT_OF(modes)].call;

        t_row("%s, mode %d", calls[i / COUNT_OF(modes)].name, (int)modes[i % COUNT_OF(modes)]);
        CHECK_OK(lock_sync_set_guard_mode(c->ctx, modes[i % COUNT_OF(modes)]));
        stop(c->ctx, true);
        stop(c->ctx, true); /* twice is the same as once */
        for (int k = 0; k < 2; k++) {
            CHECK_INT(call(c->ctx), LOCK_SYNC_E_CANCELLED);
            CHECK_INT(t_error_status(c->ctx), LOCK_SYNC_E_CANCELLED);
            CHECK_HOLDS(t_error_message(c->ctx), "the context is stopped");
        }
        CHECK_INT(c->fake.performed, 0);
        CHECK_INT(wait_of(c->guard), 0);
        stop(c->ctx, false);
        CHECK_OK(fetch_all(c->ctx));
        CHECK_INT(c->fake.performed, 1);
    }
}

TEST(a_stop_leaves_settings_errors_and_kept_results)
{
    guarded *c = GUARDED(test_guard(20000), CACHED, response_good);

    CHECK_INT(lock_sync_set_stopped(NULL, true), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(fetch_all(c->ctx));
    CHECK_INT(lock_sync_set_timeout_ms(c->ctx, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    stop(c->ctx, true);
    lock_sync_cancel(c->ctx);
    CHECK_INT(t_error_status(c->ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_set_timeout_ms(c->ctx, 5000)); /* a stopped context is not busy */
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_CANCELLED);
    CHECK_INT(lock_sync_fetch(c->ctx, NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    stop(c->ctx, false);
    CHECK_OK(fetch_all(c->ctx)); /* the results that were kept */
    CHECK_INT(c->fake.performed, 1);
}

/* --- inside a fetch --- */

static void stop_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)s;
    stop(user, true);
    CHECK(lock_sync_request_is_cancelled(q));
}

static void stop_and_clear_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    stop_inside(user, q, s);
    stop(user, false);
    CHECK(lock_sync_request_is_cancelled(q)); /* a fetch that was stopped ends */
}

TEST(a_stop_inside_perform_ends_the_fetch)
{
    static const t_step stops = {.returns = LOCK_SYNC_E_NETWORK, .hook = stop_inside};
    static const t_step clears = {.returns = LOCK_SYNC_E_NETWORK, .hook = stop_and_clear_inside};
    static const t_step is_good = {.http = 200, .body = "{\"result\":[{\"id\":1}]}", .hook = stop_inside};

    for (int row = 0; row < 3; row++) {
        const t_step *first = row == 0 ? &stops : row == 1 ? &clears : &is_good;
        guarded *c = GUARDED(test_guard(1), FAIL, *first, response_good);

        t_row("row %d", row);
        CHECK_INT(fetch_all(c->ctx), row == 2 ? LOCK_SYNC_OK : LOCK_SYNC_E_CANCELLED); /* a response that came counts */
        if (row != 1)
            CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_CANCELLED);
        CHECK_INT(c->fake.performed, 1);
        stop(c->ctx, false);
        (void)usleep(5000);
        CHECK_OK(fetch_all(c->ctx));
    }
}

/* Stops between two pages, and between a 401 and its retry. */
static void stop_after_page(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    static char full[100 * 16 + 64];
    size_t used = (size_t)snprintf(full, sizeof full, "{\"result\":[");

    stop_inside(user, q, s);
    for (int i = 1; i <= 100; i++)
        used += (size_t)snprintf(full + used, sizeof full - used, "%s{\"id\":%d}", i == 1 ? "" : ",", i);
    (void)snprintf(full + used, sizeof full - used, "]}");
    CHECK_OK(lock_sync_response_set_status(s, 200));
    CHECK_OK(lock_sync_response_append_body(s, full, strlen(full)));
}

typedef struct provider {
    lock_sync_ctx *ctx;
    int calls;
    bool stops;
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    provider *p = user;

    (void)rejected;
    p->calls++;
    CHECK_OK(lock_sync_set_access_token(ctx, "another"));
    if (p->stops)
        stop(ctx, true);
    return LOCK_SYNC_OK;
}

TEST(a_stop_between_two_requests_ends_the_fetch)
{
    static const t_step page = {.hook = stop_after_page};
    static const t_step rejected = {.http = 401, .hook = stop_inside};

    for (int row = 0; row < 4; row++) {
        guarded *c = GUARDED(test_guard(1), WAIT, row == 0 ? page : row == 1 ? rejected : response_401, response_good);
        provider p = {c->ctx, 0, row >= 2};

        t_row("row %d", row);
        if (row > 0)
            CHECK_OK(lock_sync_set_token_provider(c->ctx, provide, &p));
        if (row == 3)
            CHECK_OK(lock_sync_set_personal_key(c->ctx, NULL)); /* the provider is called first */
        CHECK_INT(row == 0 ? fetch_directory(c->ctx) : fetch_all(c->ctx), LOCK_SYNC_E_CANCELLED);
        CHECK_INT(c->fake.performed, row != 3);
        CHECK_INT(p.calls, row >= 2);
        p.stops = false;
        stop(c->ctx, false);
        (void)usleep(5000);
        CHECK_INT(wait_of(c->guard), 0); /* the slot is settled */
    }
}

/* --- from another thread --- */

typedef struct waiter {
    pthread_t thread;
    lock_sync_ctx *ctx;
    lock_sync_status (*call)(lock_sync_ctx *ctx);
    atomic_bool is_over;
    lock_sync_status status;
} waiter;

static void *run(void *user)
{
    waiter *w = user;

    w->status = w->call(w->ctx);
    atomic_store(&w->is_over, true);
    return NULL;
}

static lock_sync_status wait_for_change(lock_sync_ctx *ctx)
{
    lock_sync_changes *changes;
    lock_sync_watch *w;
    lock_sync_status status;

    MUST_OK(lock_sync_watch_new(ctx, NULL, 0, &w));
    status = lock_sync_watch_next(w, -1, &changes);
    CHECK(changes == NULL);
    lock_sync_watch_free(w);
    return status;
}

/* A single call is enough, whether it comes before the wait begins or during it. */
TEST(one_stop_ends_a_wait_whenever_it_comes)
{
    for (int i = 0; i < 40; i++) {
        guarded *c = GUARDED(test_guard(20000), WAIT, response_good);
        waiter w = {.ctx = c->ctx, .call = i % 2 == 0 ? fetch_all : wait_for_change};
        int64_t began_us;

        t_row("after %d us, %s", i * 50, i % 2 == 0 ? "a fetch" : "a watch");
        CHECK_OK(fetch_all(c->ctx));
        MUST_INT(pthread_create(&w.thread, NULL, run, &w), 0);
        (void)usleep((useconds_t)(i * 50));
        began_us = kit_now_us();
        stop(c->ctx, true);
        MUST_INT(pthread_join(w.thread, NULL), 0);
        CHECK(kit_now_us() - began_us < SOON_US);
        CHECK_INT(w.status, LOCK_SYNC_E_CANCELLED);
        CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_CANCELLED);
        stop(c->ctx, false);
        CHECK_INT(c->fake.performed, 1);
    }
}

static void *stop_and_clear_often(void *user)
{
    waiter *w = user;

    while (!atomic_load(&w->is_over)) {
        stop(w->ctx, true);
        stop(w->ctx, false);
    }
    return NULL;
}

TEST(stops_at_any_instant_do_no_harm)
{
    guarded *c = GUARDED(test_guard(1), WAIT, response_good);
    waiter w = {.ctx = c->ctx};

    MUST_INT(pthread_create(&w.thread, NULL, stop_and_clear_often, &w), 0);
    for (int i = 0; i < 500; i++) {
        lock_sync_status status = fetch_all(c->ctx);

        CHECK(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_CANCELLED);
        CHECK_INT(t_error_status(c->ctx), status);
    }
    atomic_store(&w.is_over, true);
    MUST_INT(pthread_join(w.thread, NULL), 0);
    CHECK_OK(fetch_all(c->ctx));
}
