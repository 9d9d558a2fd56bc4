/* lock_sync_set_stopped() in a pool: a fetch ends in each state, and so does a new one. A watch reports the stop once,
   and sleeps until it is cleared. Calls that block: tests/guard/test_stopped.c. */
#include "scenes.h"
#include "watchers.h"

#include "../support/interpose.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define SOON_MS (1000 * kit_slack())

static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};

static void stop(lock_sync_ctx *ctx, bool stopped)
{
    CHECK_OK(lock_sync_set_stopped(ctx, stopped));
}

/* --- fetches --- */

static void submit(scene *s)
{
    account_submit(&s->a, s->pool);
}

static void submit_directory(scene *s)
{
    account_submit_directory(&s->a, s->pool);
}

static void submit_while_stopped(scene *s)
{
    for (int i = 0; i < 2; i++) {
        (i == 0 ? submit : submit_directory)(s);
        expect_pending(&s->a);
        pool_run_account(&s->a);
        expect_end(&s->a, LOCK_SYNC_E_CANCELLED);
        CHECK_HOLDS(s->a.message, "the context is stopped");
    }
}

TEST(a_stop_ends_a_fetch_in_each_state_and_those_that_follow)
{
    size_t leaks = scene_leaks();

    for (int i = 0; i < 2 * SCENE_COUNT; i++) {
        scene_state state = (scene_state)(i % SCENE_COUNT);
        int64_t began;
        scene s;

        t_row("%s, %s", scene_names[state], i < SCENE_COUNT ? "a fetch" : "a directory");
        scene_begin(&s, state, i < SCENE_COUNT ? submit : submit_directory);
        stop(s.a.ctx, true);
        expect_pending(&s.a);
        if (scene_blocks(state)) /* the fetch ends only when the store returns */
            store_release(s.store);
        began = kit_now_ms();
        pool_run_account(&s.a);
        MUST(s.a.ended_ms - began < SOON_MS);
        expect_end(&s.a, scene_settles(state) ? LOCK_SYNC_OK : LOCK_SYNC_E_CANCELLED);
        submit_while_stopped(&s);
        stop(s.a.ctx, false);
        resolver_release();
        if (state == SCENE_QUEUED)
            lock_sync_cancel(s.other.ctx);
        MUST_OK(lock_sync_set_token_provider(s.a.ctx, NULL, NULL));
        MUST_OK(lock_sync_set_guard_mode(s.a.ctx, LOCK_SYNC_GUARD_OFF));
        MUST_OK(lock_sync_set_base_url(s.a.ctx, raw_url(s.good)));
        expect_fetch(&s.a, s.pool, LOCK_SYNC_OK);
        scene_end(&s);
    }
    CHECK_INT(scene_leaks(), leaks);
}

/* A stop asks no guard for a slot. */
TEST(a_stopped_fetch_uses_no_slot)
{
    lock_sync_guard *g;
    int64_t slot;
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));

    MUST_OK(lock_sync_guard_new(&g));
    account_guard(&a, g, LOCK_SYNC_GUARD_WAIT);
    stop(a.ctx, true);
    expect_fetch(&a, p, LOCK_SYNC_E_CANCELLED);
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, &slot));
    CHECK_INT(raw_requests(server), 0);
    account_free(&a);
    pool_end(p);
    lock_sync_guard_unref(g);
    raw_stop(server);
}

static void stop_in_log(void *user, lock_sync_log_level level, const char *message)
{
    (void)level;
    if (strstr(message, "401") != NULL)
        stop(user, true);
}

static lock_sync_status must_not_provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)ctx, (void)rejected;
    kit_die("the provider was called for a stopped context");
    return LOCK_SYNC_OK;
}

TEST(a_stop_in_the_log_of_a_401_ends_the_fetch_before_the_provider)
{
    static const raw_step unauthorized[] = STATUS_LINE("401 Unauthorized");
    static const raw_step *const scripts[] = {unauthorized};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));

    MUST_OK(lock_sync_set_token_provider(a.ctx, must_not_provide, NULL));
    MUST_OK(lock_sync_set_logger(a.ctx, stop_in_log, a.ctx));
    expect_fetch(&a, p, LOCK_SYNC_E_CANCELLED);
    CHECK_INT(raw_requests(server), 1);
    account_free(&a);
    pool_end(p);
    raw_stop(server);
}

/* --- watches --- */

/* Expects that the watch has reported the stop, and sleeps. */
static void expect_pause(watch_scene *s, size_t calls)
{
    size_t requests;

    watcher_run(&s->w, calls);
    expect_reported(&s->w, calls, LOCK_SYNC_E_CANCELLED, "");
    requests = raw_requests(s->server);
    lock_sync_cancel(s->w.a.ctx); /* nothing runs that it could end */
    (void)pool_run_for(s->pool, 60);
    CHECK_INT(s->w.calls, calls);
    CHECK_INT(raw_requests(s->server), requests);
    CHECK_INT(lock_sync_pool_pending(s->pool), 1);
}

TEST(a_stopped_watch_reports_it_once_and_sleeps_until_it_is_cleared)
{
    static const raw_step *const scripts[] = {silent};
    enum { BEFORE, BETWEEN_POLLS, POLLING, TIMES };

    for (int when = BEFORE; when < TIMES; when++) {
        watch_scene s;

        t_row("time %d", when);
        watch_scene_begin(&s, scripts, when == POLLING ? 1 : 0, when == BETWEEN_POLLS ? NEVER_MS : 1);
        if (when == BEFORE)
            stop(s.w.a.ctx, true);
        watcher_start(&s.w, s.pool);
        if (when == BETWEEN_POLLS)
            watcher_run(&s.w, 1);
        while (when == POLLING && raw_requests(s.server) < 1)
            (void)pool_run_for(s.pool, 1);
        stop(s.w.a.ctx, true);
        expect_pause(&s, when == BETWEEN_POLLS ? 2 : 1);
        CHECK_INT(lock_sync_watch_last_status(s.w.w), when == POLLING ? LOCK_SYNC_E_CANCELLED : LOCK_SYNC_OK);
        stop(s.w.a.ctx, false);
        if (when == BETWEEN_POLLS) { /* the time of the next poll is the same */
            (void)pool_run_for(s.pool, 50);
            CHECK_INT(s.w.calls, 2);
            CHECK_INT(raw_requests(s.server), 1);
            lock_sync_cancel(s.w.a.ctx); /* a cancel works again */
            watcher_run(&s.w, 3);
            expect_reported(&s.w, 3, LOCK_SYNC_E_CANCELLED, "");
            stop(s.w.a.ctx, true);
            expect_pause(&s, 4);
        } else {
            watcher_run(&s.w, 2);
            expect_reported(&s.w, 2, LOCK_SYNC_OK, BOTH_ADDED);
            stop(s.w.a.ctx, true);
            expect_pause(&s, 3);
        }
        watch_scene_end(&s); /* frees a watch that sleeps */
    }
}

/* The stop comes, and goes, before the pool looks. */
TEST(a_stop_that_is_cleared_at_once_still_ends_a_poll_and_no_pause)
{
    static const raw_step *const scripts[] = {silent};
    watch_scene s;

    watch_scene_begin(&s, scripts, 1, 1);
    watcher_start(&s.w, s.pool);
    while (raw_requests(s.server) < 1)
        (void)pool_run_for(s.pool, 1);
    stop(s.w.a.ctx, true);
    stop(s.w.a.ctx, false);
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_E_CANCELLED, "");
    watcher_run(&s.w, 2);
    expect_reported(&s.w, 2, LOCK_SYNC_OK, BOTH_ADDED);
    stop(s.w.a.ctx, true);
    expect_pause(&s, 3);
    stop(s.w.a.ctx, false);
    stop(s.w.a.ctx, true); /* it sleeps on */
    expect_pause(&s, 3);
    stop(s.w.a.ctx, false);
    lock_sync_cancel(s.w.a.ctx); /* after the stop: it is reported */
    watcher_run(&s.w, 4);
    expect_reported(&s.w, 4, LOCK_SYNC_E_CANCELLED, "");
    watch_scene_end(&s);
}

/* --- inside the callback --- */

static void stop_inside(watcher *w)
{
    stop(w->a.ctx, true);
}

static void clear_inside(watcher *w)
{
    stop(w->a.ctx, w->status[w->calls - 1] != LOCK_SYNC_E_CANCELLED);
}

static void free_inside(watcher *w)
{
    stop(w->a.ctx, true);
    lock_sync_watch_free(w->w);
    w->w = NULL;
}

TEST(a_stop_inside_the_callback_is_reported_next)
{
    static void (*const inside[])(watcher * w) = {stop_inside, clear_inside, free_inside};

    for (size_t i = 0; i < COUNT_OF(inside); i++) {
        watch_scene s;

        t_row("row %zu", i);
        watch_scene_begin(&s, NULL, 0, i == 1 ? 1 : NEVER_MS);
        s.w.then = inside[i];
        watcher_start(&s.w, s.pool);
        watcher_run(&s.w, 1);
        CHECK_OK(s.w.status[0]);
        CHECK_TEXT(s.w.reported[0], BOTH_ADDED);
        if (inside[i] == stop_inside) {
            expect_pause(&s, 2);
            stop(s.w.a.ctx, false);
        } else if (inside[i] == clear_inside) {
            size_t before = raw_requests(s.server);

            watcher_run(&s.w, 2);
            expect_reported(&s.w, 2, LOCK_SYNC_E_CANCELLED, "");
            while (raw_requests(s.server) < before + 2) /* it polls on */
                (void)pool_run_for(s.pool, 1);
            CHECK_INT(s.w.calls, 2);
        } else {
            expect_fetch(&s.w.a, s.pool, LOCK_SYNC_E_CANCELLED); /* the context is not busy now, but still stopped */
            stop(s.w.a.ctx, false);
            expect_fetch(&s.w.a, s.pool, LOCK_SYNC_OK);
        }
        watch_scene_end(&s);
    }
}

/* The pool, or the context, is freed while the watch sleeps. */
TEST(a_watch_that_sleeps_ends_with_its_pool_or_its_context)
{
    for (int row = 0; row < 2; row++) {
        watch_scene s;

        t_row("row %d", row);
        watch_scene_begin(&s, NULL, 0, 1);
        stop(s.w.a.ctx, true);
        watcher_start(&s.w, s.pool);
        expect_pause(&s, 1);
        if (row == 0) {
            pool_end(s.pool);
            s.pool = pool_make();
        } else {
            account_free(&s.w.a);
        }
        expect_reported(&s.w, 2, LOCK_SYNC_E_CANCELLED, "");
        watch_scene_end(&s);
    }
}

/* --- from several threads --- */

#define WATCHES 30
#define THREADS 3
#define STORM_MS 1000

static watcher stormy[WATCHES];
static atomic_bool over;

static void *stop_in_turn(void *first)
{
    static const struct timespec pause = {0, 30000};

    for (size_t i = *(const size_t *)first, k = 0; !atomic_load(&over); i = (i + 7) % WATCHES, k++) {
        (void)lock_sync_set_stopped(stormy[i].a.ctx, k % 3 != 0);
        if (k % 5 == 0)
            lock_sync_cancel(stormy[i].a.ctx);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static size_t stops, others;

static void count(watcher *w)
{
    lock_sync_status status = w->status[(w->calls - 1) % WATCHER_CALLS];

    stops += status == LOCK_SYNC_E_CANCELLED;
    others += status != LOCK_SYNC_E_CANCELLED && status != LOCK_SYNC_OK;
}

static bool all_had_response(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < WATCHES; i++)
        if (lock_sync_watch_age_ms(stormy[i].w) < 0)
            return false;
    return true;
}

TEST(stops_from_several_threads_do_no_harm)
{
    static size_t firsts[THREADS] = {0, 1, 2};
    static const char *const arguments[] = {"--any-key", "--time-scale", "10000", NULL};
    sim *s = sim_start(arguments);
    lock_sync_pool *p = pool_make();
    pthread_t threads[THREADS];
    size_t calls;

    for (size_t i = 0; i < WATCHES; i++) {
        stormy[i] = watcher_new(sim_url(s), 1);
        stormy[i].then = count;
        watcher_start(&stormy[i], p);
    }
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_create(&threads[i], NULL, stop_in_turn, &firsts[i]), 0);
    (void)pool_run_for(p, STORM_MS);
    atomic_store(&over, true);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    MUST(stops > WATCHES);
    for (size_t i = 0; i < WATCHES; i++)
        stop(stormy[i].a.ctx, true);
    (void)pool_run_for(p, 100); /* the last reports */
    calls = stops;
    (void)pool_run_for(p, 100);
    MUST_INT(stops, calls);
    for (size_t i = 0; i < WATCHES; i++)
        stop(stormy[i].a.ctx, false);
    MUST(pool_run(p, all_had_response, NULL, KIT_PATIENCE_MS));
    MUST_INT(stops, calls);
    MUST_INT(others, 0);
    MUST_INT(lock_sync_pool_pending(p), WATCHES);
    for (size_t i = 0; i < WATCHES; i++)
        watcher_free(&stormy[i]);
    pool_end(p);
    sim_stop(s, NULL);
}
