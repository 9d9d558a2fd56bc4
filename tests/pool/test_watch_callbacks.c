/* Settings and frees in the callback of a watch. tests/simulation tries frees at random. */
#include "../support/t_heap.h"
#include "watchers.h"

#include <stdlib.h>

static const raw_step some[] = RECORDS("{\"id\":1}");
static const raw_step others[] = RECORDS("{\"id\":2}");
static const raw_step unauthorized[] = STATUS_LINE("401 No");
static const raw_step held_unauthorized[] = {
    RAW_READ_REQUEST, RAW_HOLD, RAW_SEND_TEXT("HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    RAW_END};

/* --- settings --- */

static void change_settings(watcher *w)
{
    static const lock_sync_transport none = {.struct_size = sizeof none};
    lock_sync_request *q;
    lock_sync_results *r;
    lock_sync_changes *c;
    lock_sync_watch *other;

    if (w->calls > 1)
        return;
    MUST_OK(lock_sync_set_personal_key(w->a.ctx, "second-key"));
    MUST_OK(lock_sync_set_base_url(w->a.ctx, w->user));
    MUST_OK(lock_sync_set_timeout_ms(w->a.ctx, 10000));
    MUST_OK(lock_sync_set_guard(w->a.ctx, NULL));
    MUST_OK(lock_sync_watch_set_interval_ms(w->w, NEVER_MS));
    MUST_OK(lock_sync_request_build(w->a.ctx, NULL, 0, &q));
    lock_sync_request_free(q);
    MUST_INT(lock_sync_set_timeout_ms(w->a.ctx, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    /* the pool still uses it */
    MUST_INT(lock_sync_set_transport(w->a.ctx, NULL), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_transport(w->a.ctx, &none), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_fetch(w->a.ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_watch_next(w->w, 0, &c), LOCK_SYNC_E_BUSY);
    MUST_INT(account_try(&w->a, w->pool), LOCK_SYNC_E_BUSY);
    MUST_INT(watcher_try(w, w->pool), LOCK_SYNC_E_BUSY);
    MUST_OK(lock_sync_watch_new(w->a.ctx, NULL, 0, &other));
    MUST_INT(lock_sync_pool_watch(w->pool, other, NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_watch_free(other);
    MUST_INT(lock_sync_pool_dispatch(w->pool), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_pool_pending(w->pool), 1);
    lock_sync_cancel(w->a.ctx); /* does nothing: no fetch is pending */
}

TEST(a_callback_may_change_settings_for_the_next_poll)
{
    static const raw_step *const first_scripts[] = {some};
    static const raw_step *const second_scripts[] = {others};
    raw_server *second = raw_start(AF_INET, second_scripts, 1);
    watch_scene s;
    char *sent;

    watch_scene_begin(&s, first_scripts, 1, 1);
    s.w.then = change_settings;
    s.w.user = kit_text("%s", raw_url(second));
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 2);
    expect_reported(&s.w, 2, LOCK_SYNC_OK, "1:2 2:1 ");
    CHECK(s.w.due_in_ms > NEVER_MS - 1000);
    CHECK_INT(raw_requests(s.server), 1);
    sent = raw_received(second, 0);
    CHECK_INT(kit_count(sent, "PersonalKey second-key"), 1);
    CHECK_INT(lock_sync_set_timeout_ms(s.w.a.ctx, 1000), LOCK_SYNC_E_BUSY); /* free only during the callback */
    free(sent);
    free(s.w.user);
    watch_scene_end(&s);
    raw_stop(second);
}

static void allow_no_http(watcher *w)
{
    (void)lock_sync_set_base_url(w->a.ctx, "http://service.test");
    (void)lock_sync_set_allow_http(w->a.ctx, false);
}

/* A setting with which a watch would be rejected is noticed at the next poll, with and without a guard. */
TEST(a_setting_that_forbids_the_next_poll_is_reported)
{
    for (int guarded = 0; guarded < 2; guarded++) {
        lock_sync_guard *g;
        watch_scene s;

        watch_scene_begin(&s, NULL, 0, 1);
        g = watcher_guard(&s.w, 1, guarded ? LOCK_SYNC_GUARD_FAIL : LOCK_SYNC_GUARD_OFF);
        s.w.then = allow_no_http;
        watcher_start(&s.w, s.pool);
        watcher_run(&s.w, 2);
        CHECK_INT(s.w.status[1], LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_INT(raw_requests(s.server), 1);
        watch_scene_end(&s);
        lock_sync_guard_unref(g);
    }
}

/* --- inside dispatch --- */

static void use_the_context(watcher *w)
{
    size_t pending = lock_sync_pool_pending(w->pool);

    w->then = NULL;
    lock_sync_watch_free(w->w);
    w->w = NULL;
    CHECK_INT(lock_sync_pool_pending(w->pool), pending - 1);
    CHECK_OK(lock_sync_set_timeout_ms(w->a.ctx, 5000));
    account_submit(&w->a, w->pool);
}

/* Begins a watch whose first callback does that. */
static void begin_and_call(watch_scene *s, void (*then)(watcher *w))
{
    watch_scene_begin(s, NULL, 0, 1);
    s->w.then = then;
    watcher_start(&s->w, s->pool);
    watcher_run(&s->w, 1);
}

TEST(a_callback_that_frees_its_watch_can_use_its_context)
{
    watch_scene s;

    begin_and_call(&s, use_the_context);
    pool_run_account(&s.w.a);
    expect_end(&s.w.a, LOCK_SYNC_OK);
    CHECK_INT(s.w.calls, 1);
    watch_scene_end(&s);
}

static void free_the_context(watcher *w)
{
    lock_sync_ctx_free(w->a.ctx);
    w->a.ctx = NULL;
}

TEST(a_callback_that_frees_its_context_is_not_called_again)
{
    watch_scene s;

    begin_and_call(&s, free_the_context);
    (void)pool_run_for(s.pool, 20);
    CHECK_INT(s.w.calls, 1);
    CHECK_INT(lock_sync_pool_pending(s.pool), 0);
    watch_scene_end(&s);
}

/* --- the detail of a 401, kept for the token provider: it is freed once --- */

static lock_sync_status set_no_other(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)ctx, (void)rejected;
    return LOCK_SYNC_OK;
}

TEST(a_watch_is_freed_after_its_provider_had_no_other_credential)
{
    static const raw_step *const scripts[] = {unauthorized, unauthorized, unauthorized};
    raw_server *server = raw_start(AF_INET, scripts, 3);
    t_heap h = {0};
    lock_sync_allocator memory = t_heap_allocator(&h);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_of(account_new_in(raw_url(server), &memory), 1);

    MUST_OK(lock_sync_set_token_provider(w.a.ctx, set_no_other, NULL));
    watcher_start(&w, p);
    watcher_run(&w, 2);
    expect_reported(&w, 2, LOCK_SYNC_E_UNAUTHORIZED, "");
    watcher_free(&w);
    CHECK_INT(h.blocks, 0);
    pool_end(p);
    raw_stop(server);
}

static account pair[2];

static void free_the_other(account *a)
{
    account *other = a == &pair[0] ? &pair[1] : &pair[0];

    a->then = other->then = NULL;
    lock_sync_ctx_free(other->ctx);
    other->ctx = NULL;
}

/* Without a watch: two fetches end with a 401, and the callback of the first frees the other's context. */
TEST(a_fetch_is_freed_after_its_provider_had_no_other_credential)
{
    static const raw_step *const scripts[] = {held_unauthorized, held_unauthorized};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();

    for (size_t i = 0; i < 2; i++) {
        pair[i] = account_new(raw_url(server));
        pair[i].then = free_the_other;
        MUST_OK(lock_sync_set_token_provider(pair[i].ctx, set_no_other, NULL));
        account_submit(&pair[i], p);
    }
    while (raw_requests(server) < 2)
        (void)pool_run_for(p, 1);
    raw_release(server);
    raw_wait_closed(server, 2);
    pool_run_all(p); /* both are done before the first callback */
    MUST_INT(pair[0].calls + pair[1].calls, 2);
    MUST_INT((pair[0].status == LOCK_SYNC_E_CANCELLED) + (pair[1].status == LOCK_SYNC_E_CANCELLED), 1);
    accounts_free(pair, 2);
    pool_end(p);
    raw_stop(server);
}
