/* Watches in a pool: what the callback gets, when a watch polls, and what the application may do meanwhile. */
#include "store.h"
#include "watchers.h"

#include "../support/sim.h"
#include "../support/interpose.h"

#include <stdlib.h>

#define LOCK_IN(id, state) "{\"id\":" #id ",\"isConnected\":true,\"deviceState\":{\"state\":" #state "}}"
static const raw_step both_locked[] = RECORDS(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const raw_step one_open[] = RECORDS(LOCK_IN(1, 2) "," LOCK_IN(2, 6));
static const raw_step no_lock[] = RECORDS("");
static const raw_step broken[] = STATUS_LINE("500 No");
static const raw_step forbidden[] = STATUS_LINE("403 No");

/* --- what is reported --- */

TEST(changes_and_lasting_errors_are_reported)
{
    static const raw_step *const scripts[] = {broken,   both_locked, both_locked, broken,   one_open,
                                              one_open, forbidden,   forbidden,   one_open, no_lock};
    static const struct {
        lock_sync_status status;
        const char *reported;
    } want[] = {
        {LOCK_SYNC_OK, "1:21 2:21 "}, {LOCK_SYNC_OK, "1:16 "},      {LOCK_SYNC_E_FORBIDDEN, ""},
        {LOCK_SYNC_E_FORBIDDEN, ""},  {LOCK_SYNC_OK, "1:26 2:26 "},
    };
    watch_scene s;

    watch_scene_begin(&s, scripts, COUNT_OF(scripts), 1);
    watcher_start(&s.w, s.pool);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        watcher_run(&s.w, i + 1);
        expect_reported(&s.w, i + 1, want[i].status, want[i].reported);
        CHECK_INT(s.w.last_status, want[i].status);
        CHECK_BETWEEN(s.w.age_ms, 0, 999);
        CHECK(s.w.due_in_ms <= 1);
    }
    CHECK_INT(raw_requests(s.server), COUNT_OF(scripts));
    CHECK_INT(lock_sync_pool_pending(s.pool), 1);
    watcher_free(&s.w);
    CHECK_INT(lock_sync_pool_pending(s.pool), 0);
    CHECK_INT(s.w.calls, COUNT_OF(want));
    watch_scene_end(&s);
}

static void give_key(watcher *w)
{
    if (w->calls == 3)
        MUST_OK(lock_sync_set_personal_key(w->a.ctx, KEY));
}

TEST(a_missing_credential_is_reported_each_interval)
{
    int64_t began_ms = kit_now_ms();
    watch_scene s;

    watch_scene_begin(&s, NULL, 0, 20);
    MUST_OK(lock_sync_set_personal_key(s.w.a.ctx, NULL));
    s.w.then = give_key;
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 3);
    expect_reported(&s.w, 3, LOCK_SYNC_E_NO_CREDENTIAL, "");
    CHECK(kit_now_ms() - began_ms >= 40);
    watcher_run(&s.w, 4);
    expect_reported(&s.w, 4, LOCK_SYNC_OK, BOTH_ADDED);
    watch_scene_end(&s);
}

/* --- when it polls --- */

static bool is_denied(void *user)
{
    const watcher *w = user;

    return lock_sync_watch_last_status(w->w) == LOCK_SYNC_E_TOO_SOON;
}

TEST(polls_keep_to_interval_and_guard)
{
    static const struct {
        const char *name;
        lock_sync_guard_mode mode;
        int64_t guard_ms, interval_ms;
        bool blocks;
    } table[] = {
        {"FAIL, guard longer", LOCK_SYNC_GUARD_FAIL, 40, 1, false},
        {"WAIT, guard longer", LOCK_SYNC_GUARD_WAIT, 40, 1, false},
        {"FAIL, a store that may block", LOCK_SYNC_GUARD_FAIL, 40, 1, true},
        {"CACHED, guard shorter", LOCK_SYNC_GUARD_CACHED, 1, 40, false},
        {"OFF", LOCK_SYNC_GUARD_OFF, 3600000, 40, false},
    };
    static const char *const arguments[] = {"--min-interval-ms", "40", "--static", NULL};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        sim *s = sim_start(arguments);
        store *st = store_new();
        lock_sync_pool *p = pool_make();
        watcher w = watcher_new(sim_url(s), table[i].interval_ms);
        lock_sync_guard *g = watcher_guard(&w, table[i].guard_ms, table[i].mode);
        sim_stats rules = {0};

        t_row("%s", table[i].name);
        if (table[i].blocks) {
            lock_sync_guard_unref(g);
            g = store_guard(st, table[i].guard_ms);
            account_guard(&w.a, g, table[i].mode);
        }
        MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 5000));
        watcher_start(&w, p);
        while (rules.syncs < 5) {
            (void)pool_run_for(p, 50);
            rules = sim_ask_stats(s);
        }
        CHECK_INT(rules.interval_violations, 0);
        CHECK_INT(w.calls, 1);
        CHECK(lock_sync_watch_last_status(w.w) == LOCK_SYNC_OK ||
              (is_denied(&w) && table[i].guard_ms > table[i].interval_ms));
        watcher_free(&w);
        pool_end(p);
        lock_sync_guard_unref(g);
        store_free(st);
        sim_stop(s, NULL);
    }
}

/* A guard that is closed for longer than an interval shows in the watch's status and age. */
TEST(a_closed_guard_shows_in_status_and_age)
{
    lock_sync_guard *g;
    watch_scene s;

    watch_scene_begin(&s, NULL, 0, 50);
    g = watcher_guard(&s.w, 3600000, LOCK_SYNC_GUARD_WAIT);
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    CHECK_OK(s.w.last_status);
    CHECK(pool_run(s.pool, is_denied, &s.w, KIT_PATIENCE_MS));
    CHECK_INT(s.w.calls, 1); /* it is not reported, but the application can see it */
    CHECK_INT(lock_sync_results_count(lock_sync_watch_results(s.w.w)), 2);
    watch_scene_end(&s);
    lock_sync_guard_unref(g);
}

/* The deadline of a poll begins when it may be sent, however long its guard makes it wait. */
TEST(the_timeout_does_not_bound_the_wait_for_the_guard)
{
    lock_sync_guard *g;
    watch_scene s;

    watch_scene_begin(&s, NULL, 0, 1);
    g = watcher_guard(&s.w, 150, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    MUST_OK(lock_sync_set_timeout_ms(s.w.a.ctx, 100));
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, BOTH_ADDED);
    watch_scene_end(&s);
    lock_sync_guard_unref(g);
}

/* --- each poll is a separate fetch --- */

static size_t asked;

static lock_sync_status give_another(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user;
    asked += rejected;
    return lock_sync_set_access_token(ctx, "another");
}

static bool is_asked_twice(void *w)
{
    return asked == 2 && lock_sync_watch_last_status(((watcher *)w)->w) == LOCK_SYNC_OK;
}

TEST(each_poll_may_be_retried_after_a_401)
{
    static const char unauthorized[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
    static const raw_step script[] = {
        RAW_READ_REQUEST,  RAW_SEND(unauthorized, sizeof unauthorized - 1), RAW_READ_REQUEST, RAW_RESPOND,
        RAW_READ_REQUEST,  RAW_SEND(unauthorized, sizeof unauthorized - 1), RAW_READ_REQUEST, RAW_RESPOND,
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    watch_scene s;

    watch_scene_begin(&s, scripts, 1, 1);
    MUST_OK(lock_sync_set_token_provider(s.w.a.ctx, give_another, NULL));
    watcher_start(&s.w, s.pool);
    CHECK(pool_run(s.pool, is_asked_twice, &s.w, KIT_PATIENCE_MS));
    expect_reported(&s.w, 1, LOCK_SYNC_OK, BOTH_ADDED);
    watch_scene_end(&s);
}

static void move_on(watcher *w)
{
    MUST_OK(lock_sync_set_base_url(w->a.ctx, w->user));
    w->then = NULL;
    resolver_stall();
}

/* Two watches change to an origin whose name is not known yet: one becomes the leader, and the other waits for it. */
TEST(another_base_url_is_another_origin)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *first = kit_text("http://first.test:%u", raw_port(server));
    char *second = kit_text("http://second.test:%u", raw_port(server));
    lock_sync_pool *p = pool_make();
    watcher w[2];
    size_t calls;

    resolver_set_address("127.0.0.1");
    for (size_t i = 0; i < 2; i++) {
        w[i] = watcher_new(first, 20);
        w[i].then = move_on;
        w[i].user = second;
        watcher_start(&w[i], p);
    }
    watcher_run(&w[0], 1);
    watcher_run(&w[1], 1);
    calls = resolver_calls();
    MUST(pool_run(p, resolver_is_stalling, NULL, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 60);
    MUST_INT(resolver_calls(), calls + 1);
    for (size_t i = 0; i < 2; i++)
        watcher_free(&w[i]);
    resolver_release();
    resolver_set_address(NULL);
    pool_end(p);
    raw_stop(server);
    kit_wait_for_one_thread(); /* the thread of the released look-up */
    free(first);
    free(second);
}

/* --- which calls are allowed --- */

static void count_call(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    (void)w, (void)status, (void)changes;
    ++*(size_t *)user;
}

TEST(a_watched_context_is_busy)
{
    lock_sync_watch *second;
    lock_sync_changes *c;
    lock_sync_results *r;
    size_t calls = 0;
    lock_sync_ctx *ctx;
    watch_scene s;

    watch_scene_begin(&s, NULL, 0, NEVER_MS);
    ctx = s.w.a.ctx;
    MUST_OK(lock_sync_watch_new(ctx, NULL, 0, &second));
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    CHECK_INT(lock_sync_set_personal_key(ctx, "k"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_transport(ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_guard(ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_watch_next(s.w.w, 0, &c), LOCK_SYNC_E_BUSY);
    CHECK(c == NULL);
    CHECK_INT(watcher_try(&s.w, s.pool), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_pool_watch(s.pool, second, count_call, &calls), LOCK_SYNC_E_BUSY);
    CHECK_INT(account_try(&s.w.a, s.pool), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_pool_pending(s.pool), 1);
    CHECK_OK(lock_sync_watch_set_interval_ms(s.w.w, 1)); /* allowed: it sets the watch, not the context */
    lock_sync_watch_free(s.w.w);
    s.w.w = NULL;
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 1000)); /* the context is not busy any more */
    CHECK_OK(lock_sync_pool_watch(s.pool, second, count_call, &calls));
    (void)pool_run_for(s.pool, 50);
    CHECK_INT(calls, 1);
    lock_sync_watch_free(second);
    watch_scene_end(&s);
}

static lock_sync_status never(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    (void)user, (void)request, (void)response;
    return LOCK_SYNC_E_NETWORK;
}

TEST(which_watches_a_pool_accepts)
{
    static const lock_sync_transport own = {sizeof own, NULL, never, NULL, NULL};
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new("http://127.0.0.1:1", NEVER_MS);
    size_t calls = 0;

    MUST_INT(lock_sync_pool_watch(p, NULL, count_call, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_watch(NULL, w.w, count_call, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(w.a.ctx)), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_watch(p, w.w, NULL, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_OK(lock_sync_set_transport(w.a.ctx, &own));
    MUST_INT(lock_sync_pool_watch(p, w.w, count_call, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_OK(lock_sync_set_transport(w.a.ctx, NULL));
    MUST_OK(lock_sync_set_base_url(w.a.ctx, "http://service.test"));
    MUST_OK(lock_sync_set_allow_http(w.a.ctx, false));
    MUST_INT(lock_sync_pool_watch(p, w.w, count_call, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_pending(p), 0);
    MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 1000)); /* a rejected watch leaves its context free */
    MUST_OK(lock_sync_set_allow_http(w.a.ctx, true));
    watcher_start(&w, p);
    MUST_OK(lock_sync_error_status(lock_sync_last_error(w.a.ctx)));
    watcher_free(&w);
    pool_end(p);
    MUST_INT(calls, 0);
}

/* --- pulled, in a pool, in another pool --- */

TEST(a_watch_keeps_its_state_when_it_moves)
{
    static const raw_step *const scripts[] = {both_locked, one_open, both_locked, no_lock};
    raw_server *server = raw_start(AF_INET, scripts, COUNT_OF(scripts));
    watcher w = watcher_new(raw_url(server), 1);
    lock_sync_changes *c;

    MUST_OK(lock_sync_watch_next(w.w, KIT_PATIENCE_MS, &c));
    lock_sync_changes_free(c);
    for (size_t i = 0; i < 2; i++) { /* in two pools, one after the other */
        lock_sync_pool *p = pool_make();

        watcher_start(&w, p);
        watcher_run(&w, 2 * i + 1);
        expect_reported(&w, 2 * i + 1, LOCK_SYNC_OK, "1:16 ");
        MUST_OK(lock_sync_watch_set_interval_ms(w.w, 1));
        pool_end(p);
        expect_reported(&w, 2 * i + 2, LOCK_SYNC_E_CANCELLED, "");
    }
    MUST_OK(lock_sync_watch_next(w.w, KIT_PATIENCE_MS, &c));
    MUST_INT(lock_sync_changes_count(c), 2);
    MUST_INT(lock_sync_changes_at(c, 0)->kinds,
             LOCK_SYNC_CHANGE_REMOVED | LOCK_SYNC_CHANGE_DISCONNECTED | LOCK_SYNC_CHANGE_STATE);
    lock_sync_changes_free(c);
    watcher_free(&w);
    raw_stop(server);
}

/* --- many --- */

#define MANY 1000

static watcher many[MANY];

static size_t reported_so_often(size_t calls, lock_sync_status status)
{
    size_t count = 0;

    for (size_t i = 0; i < MANY; i++)
        count += many[i].calls == calls && many[i].status[calls - 1] == status;
    return count;
}

static bool all_are_reported(void *user)
{
    (void)user;
    return reported_so_often(1, LOCK_SYNC_OK) == MANY;
}

TEST(a_thousand_watches_in_one_pool)
{
    static const char *const arguments[] = {"--any-key", "--static", "--locks", "1", NULL};
    sim *s = sim_start(arguments);
    lock_sync_pool *p = pool_make();

    for (size_t i = 0; i < MANY; i++) {
        char *key = kit_text("key-%zu", i);

        many[i] = watcher_of(account_with_key(sim_url(s), key), 1000);
        watcher_start(&many[i], p);
        free(key);
    }
    CHECK(pool_run(p, all_are_reported, NULL, 3 * KIT_PATIENCE_MS));
    while (sim_ask_stats(s).syncs < 2 * MANY) /* a second round, without a change */
        (void)pool_run_for(p, 100);
    CHECK_INT(reported_so_often(1, LOCK_SYNC_OK), MANY);
    pool_end(p);
    CHECK_INT(reported_so_often(2, LOCK_SYNC_E_CANCELLED), MANY);
    sim_stop(s, NULL);
    for (size_t i = 0; i < MANY; i++)
        watcher_free(&many[i]);
}
