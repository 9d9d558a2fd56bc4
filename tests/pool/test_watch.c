/* Watches in a pool: what the callback is told, when polls come, and what may be done meanwhile. */
#include "store.h"
#include "watchers.h"

#include "../support/sim.h"
#include "../support/t_heap.h"
#include "../support/interpose.h"

#include <stdlib.h>
#include <unistd.h>

#define NEVER_MS 20000 /* an interval that no test waits for */

#define LOCK_IN(id, state) "{\"id\":" #id ",\"isConnected\":true,\"deviceState\":{\"state\":" #state "}}"
static const raw_step both_locked[] = RECORDS(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const raw_step one_open[] = RECORDS(LOCK_IN(1, 2) "," LOCK_IN(2, 6));
static const raw_step no_lock[] = RECORDS("");
static const raw_step broken[] = STATUS_LINE("500 No");
static const raw_step forbidden[] = STATUS_LINE("403 No");
static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};

/* --- what is told --- */

TEST(changes_and_errors_that_do_not_pass_are_told)
{
    static const raw_step *const scripts[] = {broken,  both_locked, both_locked, broken,   one_open,
                                              one_open, forbidden,  forbidden,   one_open, no_lock};
    raw_server *server = raw_start(AF_INET, scripts, COUNT_OF(scripts));
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 1);

    watcher_start(&w, p);
    MUST_INT(lock_sync_pool_pending(p), 1);
    watcher_run(&w, 1);
    expect_told(&w, 1, LOCK_SYNC_OK, "1:21 2:21 ");
    MUST_OK(w.last_status);
    MUST(w.age_ms >= 0 && w.age_ms < 1000 && w.due_in_ms <= 1);
    watcher_run(&w, 2);
    expect_told(&w, 2, LOCK_SYNC_OK, "1:16 ");
    watcher_run(&w, 3);
    expect_told(&w, 3, LOCK_SYNC_E_FORBIDDEN, "");
    MUST_INT(w.last_status, LOCK_SYNC_E_FORBIDDEN);
    watcher_run(&w, 4);
    expect_told(&w, 4, LOCK_SYNC_E_FORBIDDEN, "");
    watcher_run(&w, 5);
    expect_told(&w, 5, LOCK_SYNC_OK, "1:26 2:26 ");
    MUST_INT(raw_requests(server), COUNT_OF(scripts));
    MUST_INT(lock_sync_pool_pending(p), 1);
    watcher_free(&w);
    MUST_INT(lock_sync_pool_pending(p), 0);
    MUST_INT(w.calls, 5);
    pool_end(p);
    raw_stop(server);
}

static bool has_failed(void *user)
{
    return lock_sync_watch_last_status(((watcher *)user)->w) != LOCK_SYNC_OK;
}

TEST(an_outage_makes_no_callback)
{
    uint16_t port;
    int dead = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", port);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(url, 5);

    watcher_start(&w, p);
    MUST(pool_run(p, has_failed, &w, KIT_PATIENCE_MS));
    MUST_INT(lock_sync_watch_last_status(w.w), LOCK_SYNC_E_CONNECT);
    (void)pool_run_for(p, 50);
    MUST_INT(lock_sync_watch_age_ms(w.w), -1);
    expect_told(&w, 0, 0, NULL);
    watcher_free(&w);
    pool_end(p);
    free(url);
    (void)close(dead);
}

static void give_key(watcher *w)
{
    if (w->calls == 3)
        MUST_OK(lock_sync_set_personal_key(w->a.ctx, KEY));
}

TEST(a_missing_credential_is_told_each_interval)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 20);
    int64_t began_ms = kit_now_ms();

    MUST_OK(lock_sync_set_personal_key(w.a.ctx, NULL));
    w.then = give_key;
    watcher_start(&w, p);
    watcher_run(&w, 3);
    expect_told(&w, 3, LOCK_SYNC_E_NO_CREDENTIAL, "");
    MUST(kit_now_ms() - began_ms >= 40);
    watcher_run(&w, 4);
    expect_told(&w, 4, LOCK_SYNC_OK, "1001:85 1002:21 ");
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

/* --- when it polls --- */

static bool is_held(void *user)
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
        {"CACHED, guard longer", LOCK_SYNC_GUARD_CACHED, 40, 1, false},
        {"FAIL, a store that may block", LOCK_SYNC_GUARD_FAIL, 40, 1, true},
        {"CACHED, guard shorter", LOCK_SYNC_GUARD_CACHED, 1, 40, false},
        {"OFF", LOCK_SYNC_GUARD_OFF, 3600000, 40, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        static const char *const arguments[] = {"--min-interval-ms", "40", "--static", NULL};
        sim *s = sim_start(arguments);
        store *st = store_new();
        lock_sync_guard *g = NULL;
        lock_sync_pool *p = pool_make();
        watcher w = watcher_new(sim_url(s), table[i].interval_ms);
        sim_stats rules = {0};

        if (table[i].blocks)
            g = store_guard(st, table[i].guard_ms);
        else
            MUST_OK(lock_sync_guard_new(&g));
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, table[i].guard_ms));
        account_guard(&w.a, g, table[i].mode);
        MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 5000));
        watcher_start(&w, p);
        watcher_run(&w, 1);
        while (rules.syncs < 5) {
            (void)pool_run_for(p, 50);
            rules = sim_ask_stats(s);
        }
        if (rules.interval_violations != 0 || w.calls != 1 ||
            (lock_sync_watch_last_status(w.w) != LOCK_SYNC_OK &&
             (!is_held(&w) || table[i].guard_ms <= table[i].interval_ms)))
            fail_msg("%s: %d polls too soon, %zu calls, %s", table[i].name, (int)rules.interval_violations, w.calls,
                     lock_sync_status_name(lock_sync_watch_last_status(w.w)));
        watcher_free(&w);
        pool_end(p);
        lock_sync_guard_unref(g);
        store_free(st);
        sim_stop(s, NULL);
    }
}

/* A guard that is shut for longer than an interval is seen, in the watch's status and by its age. */
TEST(a_hold_longer_than_an_interval_is_seen)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 50);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, 3600000));
    account_guard(&w.a, g, LOCK_SYNC_GUARD_WAIT);
    watcher_start(&w, p);
    watcher_run(&w, 1);
    MUST_OK(w.last_status);
    MUST(pool_run(p, is_held, &w, KIT_PATIENCE_MS));
    MUST_INT(w.calls, 1); /* it is not told, it is there to be seen */
    MUST_INT(lock_sync_results_count(lock_sync_watch_results(w.w)), 2);
    watcher_free(&w);
    pool_end(p);
    lock_sync_guard_unref(g);
    raw_stop(server);
}

/* The deadline of a poll begins when it is due, however long its guard makes it wait. */
TEST(the_timeout_does_not_bound_the_wait_for_the_guard)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 1);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, 150));
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    account_guard(&w.a, g, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 100));
    watcher_start(&w, p);
    watcher_run(&w, 1);
    expect_told(&w, 1, LOCK_SYNC_OK, "1001:85 1002:21 ");
    watcher_free(&w);
    pool_end(p);
    lock_sync_guard_unref(g);
    raw_stop(server);
}

TEST(a_poll_that_takes_too_long_is_an_error_that_may_pass)
{
    static const raw_step *const scripts[] = {silent, both_locked};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 1000);

    MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 100));
    watcher_start(&w, p);
    MUST(pool_run(p, has_failed, &w, KIT_PATIENCE_MS));
    MUST_INT(lock_sync_watch_last_status(w.w), LOCK_SYNC_E_TIMEOUT);
    watcher_run(&w, 1);
    expect_told(&w, 1, LOCK_SYNC_OK, "1:21 2:21 ");
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

/* --- each poll is one of its own --- */

static size_t asked;

static lock_sync_status give_another(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user;
    asked += refused;
    return lock_sync_set_access_token(ctx, "another");
}

static bool is_asked_twice(void *w)
{
    return asked == 2 && lock_sync_watch_last_status(((watcher *)w)->w) == LOCK_SYNC_OK;
}

TEST(each_poll_may_be_repeated_after_a_401)
{
    static const char refusal[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
    static const raw_step script[] = {
        RAW_READ_REQUEST, RAW_SEND(refusal, sizeof refusal - 1), RAW_READ_REQUEST, RAW_ANSWER,
        RAW_READ_REQUEST, RAW_SEND(refusal, sizeof refusal - 1), RAW_READ_REQUEST, RAW_ANSWER, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 1);

    MUST_OK(lock_sync_set_token_provider(w.a.ctx, give_another, NULL));
    watcher_start(&w, p);
    MUST(pool_run(p, is_asked_twice, &w, KIT_PATIENCE_MS));
    expect_told(&w, 1, LOCK_SYNC_OK, "1001:85 1002:21 ");
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

static void move_on(watcher *w)
{
    MUST_OK(lock_sync_set_base_url(w->a.ctx, w->user));
    w->then = NULL;
    resolver_stall();
}

/* Two watches move to a host whose name is not known yet: one goes ahead, and the other waits for it. */
TEST(another_base_url_is_another_host)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *first = kit_text("http://first.test:%u", raw_port(server));
    char *second = kit_text("http://second.test:%u", raw_port(server));
    lock_sync_pool *p = pool_make();
    watcher w[2];
    size_t calls;

    resolver_answer("127.0.0.1");
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
    resolver_answer(NULL);
    pool_end(p);
    raw_stop(server);
    kit_wait_for_one_thread(); /* the look-up that was let go */
    free(first);
    free(second);
}

/* --- who may call what --- */

static void count_call(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    (void)w, (void)status, (void)changes;
    ++*(size_t *)user;
}

TEST(a_watched_context_is_busy)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), NEVER_MS);
    lock_sync_watch *second;
    lock_sync_changes *c = (void *)server;
    lock_sync_results *r;
    size_t calls = 0;

    MUST_OK(lock_sync_watch_new(w.a.ctx, NULL, 0, &second));
    watcher_start(&w, p);
    watcher_run(&w, 1);
    MUST_INT(lock_sync_set_personal_key(w.a.ctx, "k"), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_timeout_ms(w.a.ctx, 1), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_base_url(w.a.ctx, NULL), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_transport(w.a.ctx, NULL), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_guard(w.a.ctx, NULL), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_fetch(w.a.ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_watch_next(w.w, 0, &c), LOCK_SYNC_E_BUSY);
    MUST(c == NULL);
    MUST_INT(watcher_try(&w, p), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_pool_watch(p, second, count_call, &calls), LOCK_SYNC_E_BUSY);
    MUST_INT(account_try(&w.a, p), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_pool_pending(p), 1);
    MUST_OK(lock_sync_watch_set_interval_ms(w.w, 1)); /* the watch's own */
    lock_sync_watch_free(w.w);
    w.w = NULL;
    MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 1000)); /* free again */
    MUST_OK(lock_sync_pool_watch(p, second, count_call, &calls));
    (void)pool_run_for(p, 50);
    MUST_INT(calls, 1);
    lock_sync_watch_free(second);
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

static lock_sync_status never(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    (void)user, (void)request, (void)response;
    return LOCK_SYNC_E_NETWORK;
}

TEST(which_watches_a_pool_takes)
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
    MUST_OK(lock_sync_set_timeout_ms(w.a.ctx, 1000)); /* a refused one is free */
    MUST_OK(lock_sync_set_allow_http(w.a.ctx, true));
    watcher_start(&w, p);
    MUST_OK(lock_sync_error_status(lock_sync_last_error(w.a.ctx)));
    watcher_free(&w);
    pool_end(p);
    MUST_INT(calls, 0);
}

/* --- pull, pool, another pool --- */

TEST(a_watch_goes_on_elsewhere_with_what_it_knows)
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
        expect_told(&w, 2 * i + 1, LOCK_SYNC_OK, "1:16 ");
        MUST_OK(lock_sync_watch_set_interval_ms(w.w, 1));
        pool_end(p);
        expect_told(&w, 2 * i + 2, LOCK_SYNC_E_CANCELLED, "");
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

static size_t told_so_often(size_t calls, lock_sync_status status)
{
    size_t count = 0;

    for (size_t i = 0; i < MANY; i++)
        count += many[i].calls == calls && many[i].status[calls - 1] == status;
    return count;
}

static bool all_are_told(void *user)
{
    (void)user;
    return told_so_often(1, LOCK_SYNC_OK) == MANY;
}

TEST(a_thousand_watches_in_one_pool)
{
    static const char *const arguments[] = {"--any-key", "--static", "--locks", "1", NULL};
    sim *s = sim_start(arguments);
    t_heap h = {0};
    lock_sync_allocator memory = t_heap_allocator(&h);
    lock_sync_pool *p;

    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    for (size_t i = 0; i < MANY; i++) {
        char *key = kit_text("key-%zu", i);

        many[i] = watcher_of(account_with_key(sim_url(s), key), 1000);
        watcher_start(&many[i], p);
        free(key);
    }
    MUST_INT(lock_sync_pool_pending(p), MANY);
    MUST(pool_run(p, all_are_told, NULL, 3 * KIT_PATIENCE_MS));
    while (sim_ask_stats(s).syncs < 2 * MANY) /* a second round, without a change */
        (void)pool_run_for(p, 100);
    MUST_INT(told_so_often(1, LOCK_SYNC_OK), MANY);
    for (size_t i = 0; i < MANY; i += 2)
        watcher_free(&many[i]);
    MUST_INT(lock_sync_pool_pending(p), MANY / 2);
    pool_end(p);
    MUST_INT(told_so_often(2, LOCK_SYNC_E_CANCELLED), MANY / 2);
    sim_stop(s, NULL);
    MUST_INT(h.blocks, 0);
    for (size_t i = 1; i < MANY; i += 2)
        watcher_free(&many[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(changes_and_errors_that_do_not_pass_are_told),
        T(an_outage_makes_no_callback),
        T(a_missing_credential_is_told_each_interval),
        T(polls_keep_to_interval_and_guard),
        T(a_hold_longer_than_an_interval_is_seen),
        T(the_timeout_does_not_bound_the_wait_for_the_guard),
        T(a_poll_that_takes_too_long_is_an_error_that_may_pass),
        T(each_poll_may_be_repeated_after_a_401),
        T(another_base_url_is_another_host),
        T(a_watched_context_is_busy),
        T(which_watches_a_pool_takes),
        T(a_watch_goes_on_elsewhere_with_what_it_knows),
        T(a_thousand_watches_in_one_pool),
    };

    return T_MAIN(tests);
}
