/* lock_sync_cancel() for a watch in a pool: it ends a poll or the wait for the next, is told soon, and the watch goes
   on. */
#include "store.h"
#include "watchers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define SOON_MS (100 * kit_slack())
#define NEVER_MS 20000 /* an interval that no test waits for */

static const raw_step both_locked[] = RECORDS("{\"id\":1},{\"id\":2}");
static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};

static bool has_asked(void *user)
{
    return raw_requests(user) > 0;
}

TEST(a_wait_between_polls_that_is_cancelled_is_told_and_goes_on)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), NEVER_MS);
    int64_t due_ms;

    watcher_start(&w, p);
    watcher_run(&w, 1);
    (void)pool_run_for(p, 30);
    due_ms = kit_now_ms() + lock_sync_watch_due_in_ms(w.w);
    MUST_OK(lock_sync_watch_set_interval_ms(w.w, 3600000)); /* from the end of the next poll on */
    for (size_t i = 2; i < 5; i++) {
        int64_t began_ms = kit_now_ms();

        lock_sync_cancel(w.a.ctx);
        watcher_run(&w, i);
        MUST(w.called_ms - began_ms < SOON_MS);
        expect_told(&w, i, LOCK_SYNC_E_CANCELLED, "");
        (void)pool_run_for(p, 20);
        /* no poll ended, and the next one is due when it was */
        MUST_OK(lock_sync_watch_last_status(w.w));
        MUST_BETWEEN(kit_now_ms() + lock_sync_watch_due_in_ms(w.w), due_ms - 5000, due_ms + 5000);
    }
    MUST_INT(w.calls, 4);
    MUST_INT(raw_requests(server), 1);
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

TEST(a_watch_that_is_cancelled_before_its_first_poll_polls_then)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), NEVER_MS);

    watcher_start(&w, p);
    lock_sync_cancel(w.a.ctx);
    watcher_run(&w, 2);
    MUST_INT(w.status[0], LOCK_SYNC_E_CANCELLED);
    expect_told(&w, 2, LOCK_SYNC_OK, "1001:85 1002:21 ");
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

TEST(a_poll_that_is_cancelled_is_told_and_the_next_comes)
{
    static const raw_step *const scripts[] = {silent, both_locked};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(server), 1000);
    int64_t began_ms;

    watcher_start(&w, p);
    MUST(pool_run(p, has_asked, server, KIT_PATIENCE_MS));
    began_ms = kit_now_ms();
    lock_sync_cancel(w.a.ctx);
    watcher_run(&w, 1);
    MUST(w.called_ms - began_ms < SOON_MS);
    expect_told(&w, 1, LOCK_SYNC_E_CANCELLED, "");
    MUST_INT(w.last_status, LOCK_SYNC_E_CANCELLED);
    MUST(w.due_in_ms > 900);
    watcher_run(&w, 2);
    expect_told(&w, 2, LOCK_SYNC_OK, "1:1 2:1 ");
    watcher_free(&w);
    pool_end(p);
    raw_stop(server);
}

/* The answer is there and changes nothing; while its slot is settled by a store that blocks, the watch is cancelled. */
TEST(a_cancel_while_the_guard_settles_is_told_soon)
{
    static const raw_step *const scripts[] = {both_locked, both_locked};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();
    store *s = store_new();
    lock_sync_guard *g = store_guard(s, 1);
    watcher w = watcher_new(raw_url(server), 1);
    lock_sync_changes *c;
    int64_t began_ms;

    MUST_OK(lock_sync_watch_next(w.w, -1, &c));
    lock_sync_changes_free(c);
    MUST_OK(lock_sync_watch_set_interval_ms(w.w, NEVER_MS)); /* from the end of the next poll on */
    account_guard(&w.a, g, LOCK_SYNC_GUARD_FAIL);
    store_block_at(s, 2);
    watcher_start(&w, p);
    MUST(pool_run(p, store_is_waiting, s, KIT_PATIENCE_MS));
    lock_sync_cancel(w.a.ctx);
    (void)pool_run_for(p, 20);
    expect_told(&w, 0, 0, NULL);
    began_ms = kit_now_ms();
    store_release(s);
    watcher_run(&w, 1);
    MUST(w.called_ms - began_ms < SOON_MS);
    expect_told(&w, 1, LOCK_SYNC_E_CANCELLED, "");
    MUST_OK(w.last_status);
    (void)pool_run_for(p, 20);
    MUST_INT(w.calls, 1);
    watcher_free(&w);
    pool_end(p);
    lock_sync_guard_unref(g);
    store_free(s);
    raw_stop(server);
}

static watcher pair[2];

static void cancel_the_other(watcher *w)
{
    w->then = pair[w == &pair[0]].then = NULL;
    lock_sync_cancel(pair[w == &pair[0]].a.ctx);
}

/* Of two that are answered at once, the first to be told cancels the other, which has ended: it is told its answer, and
   no more. */
TEST(a_cancel_after_the_answer_is_told_once)
{
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD,
                                    RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":[]}"),
                                    RAW_END};
    static const raw_step *const scripts[] = {held, held};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();

    for (size_t i = 0; i < 2; i++) {
        pair[i] = watcher_new(raw_url(server), NEVER_MS);
        pair[i].then = cancel_the_other;
        watcher_start(&pair[i], p);
    }
    while (raw_requests(server) < 2)
        (void)pool_run_for(p, 1);
    raw_release(server);
    raw_wait_closed(server, 2); /* both answers are there when the next dispatch looks */
    watcher_run(&pair[0], 1);
    watcher_run(&pair[1], 1);
    (void)pool_run_for(p, 30);
    for (size_t i = 0; i < 2; i++) {
        expect_told(&pair[i], 1, LOCK_SYNC_OK, "");
        watcher_free(&pair[i]);
    }
    pool_end(p);
    raw_stop(server);
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

static size_t answered(void)
{
    size_t count = 0;

    for (size_t i = 0; i < WATCHES; i++)
        count += lock_sync_watch_age_ms(stormy[i].w) >= 0;
    return count;
}

static bool all_are_answered(void *unused)
{
    (void)unused;
    return answered() == WATCHES;
}

/* Cancels that meet sleeping, polling and telling watches. Afterwards none is left cancelled, and each polls again. */
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
    MUST(pool_run(p, all_are_answered, NULL, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 100);
    MUST_INT(cancels, calls);
    MUST_INT(others, 0);
    MUST_INT(lock_sync_pool_pending(p), WATCHES);
    for (size_t i = 0; i < WATCHES; i++)
        watcher_free(&stormy[i]);
    pool_end(p);
    sim_stop(s, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_wait_between_polls_that_is_cancelled_is_told_and_goes_on),
        T(a_watch_that_is_cancelled_before_its_first_poll_polls_then),
        T(a_poll_that_is_cancelled_is_told_and_the_next_comes),
        T(a_cancel_while_the_guard_settles_is_told_soon),
        T(a_cancel_after_the_answer_is_told_once),
        T(cancels_from_several_threads_do_no_harm),
    };

    return T_MAIN(tests);
}
