/* lock_sync_cancel() for a watch in a pool ends a poll or the wait for the next. It is reported soon, and the watch
   continues. */
#include "store.h"
#include "watchers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define SOON_MS (1000 * kit_slack())

static const raw_step both_locked[] = RECORDS("{\"id\":1},{\"id\":2}");

TEST(a_cancelled_wait_between_polls_is_reported_and_the_watch_goes_on)
{
    int64_t due_ms;
    watch_scene s;

    watch_scene_begin(&s, NULL, 0, NEVER_MS);
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    (void)pool_run_for(s.pool, 30);
    due_ms = kit_now_ms() + lock_sync_watch_due_in_ms(s.w.w);
    MUST_OK(lock_sync_watch_set_interval_ms(s.w.w, 3600000)); /* applies after the next poll */
    for (size_t i = 2; i < 5; i++) {
        int64_t began_ms = kit_now_ms();

        lock_sync_cancel(s.w.a.ctx);
        watcher_run(&s.w, i);
        CHECK(s.w.called_ms - began_ms < SOON_MS);
        expect_reported(&s.w, i, LOCK_SYNC_E_CANCELLED, "");
        (void)pool_run_for(s.pool, 20);
        /* no poll ended, and the time of the next one is the same */
        CHECK_OK(lock_sync_watch_last_status(s.w.w));
        CHECK_BETWEEN(kit_now_ms() + lock_sync_watch_due_in_ms(s.w.w), due_ms - 5000, due_ms + 5000);
    }
    CHECK_INT(s.w.calls, 4);
    CHECK_INT(raw_requests(s.server), 1);
    watch_scene_end(&s);
}

/* Before its first poll, and after it. */
TEST(a_cancelled_watch_polls_again)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent};

    for (int polling = 0; polling < 2; polling++) {
        watch_scene s;

        watch_scene_begin(&s, scripts, polling ? 1 : 0, polling ? 1000 : NEVER_MS);
        watcher_start(&s.w, s.pool);
        while (polling && raw_requests(s.server) < 1)
            (void)pool_run_for(s.pool, 1);
        lock_sync_cancel(s.w.a.ctx);
        watcher_run(&s.w, 1);
        expect_reported(&s.w, 1, LOCK_SYNC_E_CANCELLED, "");
        CHECK_INT(s.w.last_status, polling ? LOCK_SYNC_E_CANCELLED : LOCK_SYNC_OK);
        CHECK((s.w.due_in_ms > 900) == polling);
        watcher_run(&s.w, 2);
        expect_reported(&s.w, 2, LOCK_SYNC_OK, BOTH_ADDED);
        watch_scene_end(&s);
    }
}

/* The response has arrived and still counts; the cancel comes while a store blocks the settling of its slot. */
TEST(a_cancel_while_the_guard_settles_is_reported_soon)
{
    static const raw_step *const scripts[] = {both_locked, both_locked};
    store *st = store_new();
    lock_sync_guard *g = store_guard(st, 1);
    lock_sync_changes *c;
    int64_t began_ms;
    watch_scene s;

    watch_scene_begin(&s, scripts, 2, 1);
    MUST_OK(lock_sync_watch_next(s.w.w, -1, &c));
    lock_sync_changes_free(c);
    MUST_OK(lock_sync_watch_set_interval_ms(s.w.w, NEVER_MS)); /* applies after the next poll */
    account_guard(&s.w.a, g, LOCK_SYNC_GUARD_FAIL);
    store_block_at(st, 2);
    watcher_start(&s.w, s.pool);
    MUST(pool_run(s.pool, store_is_waiting, st, KIT_PATIENCE_MS));
    lock_sync_cancel(s.w.a.ctx);
    (void)pool_run_for(s.pool, 20);
    CHECK_INT(s.w.calls, 0);
    began_ms = kit_now_ms();
    store_release(st);
    watcher_run(&s.w, 1);
    CHECK(s.w.called_ms - began_ms < SOON_MS);
    expect_reported(&s.w, 1, LOCK_SYNC_E_CANCELLED, "");
    CHECK_OK(s.w.last_status);
    (void)pool_run_for(s.pool, 20);
    CHECK_INT(s.w.calls, 1);
    watch_scene_end(&s);
    lock_sync_guard_unref(g);
    store_free(st);
}

/* --- from several threads --- */

#define WATCHES 50
#define THREADS 3
#define STORM_MS 1500

static watcher stormy[WATCHES];
static atomic_bool over;

static void *cancel_in_turn(void *first)
{
    static const struct timespec pause = {0, 30000};

    for (size_t i = *(const size_t *)first; !atomic_load(&over); i = (i + 7) % WATCHES) {
        lock_sync_cancel(stormy[i].a.ctx);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static size_t cancels;
static size_t others;

static void count_cancel(watcher *w)
{
    lock_sync_status status = w->status[(w->calls - 1) % WATCHER_CALLS];

    cancels += status == LOCK_SYNC_E_CANCELLED;
    others += status != LOCK_SYNC_E_CANCELLED && status != LOCK_SYNC_OK;
}

static size_t had_response(void)
{
    size_t count = 0;

    for (size_t i = 0; i < WATCHES; i++)
        count += lock_sync_watch_age_ms(stormy[i].w) >= 0;
    return count;
}

static bool all_had_response(void *unused)
{
    (void)unused;
    return had_response() == WATCHES;
}

/* Cancels that hit watches that sleep, poll or call back. Afterwards no cancel is left, and each polls again. */
TEST(cancels_from_several_threads_do_no_harm)
{
    static size_t firsts[THREADS] = {0, 1, 2};
    static const char *const arguments[] = {"--any-key", "--time-scale", "10000", NULL};
    sim *s = sim_start(arguments);
    lock_sync_pool *p = pool_make();
    pthread_t threads[THREADS];
    size_t calls;

    for (size_t i = 0; i < WATCHES; i++) {
        stormy[i] = watcher_new(sim_url(s), 1);
        stormy[i].then = count_cancel;
        watcher_start(&stormy[i], p);
    }
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_create(&threads[i], NULL, cancel_in_turn, &firsts[i]), 0);
    (void)pool_run_for(p, STORM_MS);
    atomic_store(&over, true);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    MUST(cancels > WATCHES);
    (void)pool_run_for(p, 20); /* the last of them */
    calls = cancels;
    MUST(pool_run(p, all_had_response, NULL, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 100);
    MUST_INT(cancels, calls);
    MUST_INT(others, 0);
    MUST_INT(lock_sync_pool_pending(p), WATCHES);
    for (size_t i = 0; i < WATCHES; i++)
        watcher_free(&stormy[i]);
    pool_end(p);
    sim_stop(s, NULL);
}
