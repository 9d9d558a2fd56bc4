/* Storms: cancels from four threads during hundreds of pending fetches, and contexts that change origin and guard
   with each fetch. Each submit must have one callback. For storms with faults see stress.c. */
#include "stage.h"

#include "../support/t_random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define CONTEXTS 200
#define THREADS 4
#define STORM_MS 3000
#define FETCHES (kit_slack() > 1 ? 4000 : 20000)

static const char *const arguments[] = {"--static", "--any-key", "--delay-ms", "1", NULL};
static account *all;
static atomic_bool over;

/* --- cancels --- */

static void *cancel_at_random(void *seed)
{
    uint64_t random = *(const uint64_t *)seed;

    while (!atomic_load(&over)) {
        struct timespec pause = {0, (long)(t_random(&random) % 50000)};

        lock_sync_cancel(all[t_random(&random) % CONTEXTS].ctx);
        (void)nanosleep(&pause, NULL); /* otherwise the pool gets no processor time on two cores */
    }
    return NULL;
}

static size_t cancelled;

static void go_on(account *a)
{
    cancelled += a->status == LOCK_SYNC_E_CANCELLED;
    MUST(a->status == LOCK_SYNC_OK || a->status == LOCK_SYNC_E_CANCELLED || a->status == LOCK_SYNC_E_TOO_SOON);
    if (!atomic_load(&over))
        account_submit(a, a->pool);
}

static void storm(lock_sync_pool *p)
{
    static uint64_t seeds[THREADS] = {1, 22, 333, 4444};
    pthread_t threads[THREADS];
    int64_t until = kit_now_ms() + STORM_MS;

    atomic_store(&over, false);
    accounts_submit(all, CONTEXTS, p);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_create(&threads[i], NULL, cancel_at_random, &seeds[i]), 0);
    while (kit_now_ms() < until)
        MUST_OK(pool_wait(p, 10));
    atomic_store(&over, true);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    pool_run_all(p);
}

TEST_ON_STAGE(cancels_from_four_threads)
{
    sim *server = stage_sim(arguments);
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();

    MUST_OK(lock_sync_pool_set_max_active(p, 64));
    MUST_OK(lock_sync_pool_set_max_connections(p, 32, 64));
    all = stage_accounts(CONTEXTS, sim_url(server));
    for (size_t i = 0; i < CONTEXTS; i++) {
        all[i].then = go_on;
        if (i % 4 == 1) /* these wait for a guard in memory */
            account_guard(&all[i], stage_guard(5), LOCK_SYNC_GUARD_WAIT);
        else if (i % 4 == 3)
            stage_guard_each(&all[i], 1, s, 1, LOCK_SYNC_GUARD_WAIT);
    }
    storm(p);
    MUST(cancelled > CONTEXTS);
    for (size_t i = 0; i < CONTEXTS; i++) {
        MUST_INT(all[i].calls, all[i].submits);
        all[i].then = NULL;
        account_guard(&all[i], NULL, LOCK_SYNC_GUARD_OFF);
    }
    expect_fetches(all, CONTEXTS, p, LOCK_SYNC_OK); /* all work as before */
}

/* --- contexts that change with each fetch --- */

#define GUARDS 6

typedef struct wanderers {
    const char *urls[8];
    lock_sync_guard *guards[GUARDS];
    uint64_t random;
    size_t left; /* fetches */
} wanderers;

static wanderers w;

static void choose(account *a)
{
    static const lock_sync_guard_mode modes[] = {LOCK_SYNC_GUARD_OFF, LOCK_SYNC_GUARD_WAIT, LOCK_SYNC_GUARD_WAIT,
                                                 LOCK_SYNC_GUARD_FAIL, LOCK_SYNC_GUARD_CACHED};
    static const int64_t timeouts_ms[] = {20, 200, 2000};

    MUST_OK(lock_sync_set_base_url(a->ctx, w.urls[t_random(&w.random) % COUNT_OF(w.urls)]));
    MUST_OK(lock_sync_set_timeout_ms(a->ctx, timeouts_ms[t_random(&w.random) % COUNT_OF(timeouts_ms)]));
    account_guard(a, w.guards[t_random(&w.random) % GUARDS], modes[t_random(&w.random) % COUNT_OF(modes)]);
}

static void wander(account *a)
{
    if (w.left == 0)
        return;
    w.left--;
    choose(a);
    if (t_random(&w.random) % 8 == 0)
        lock_sync_cancel(all[t_random(&w.random) % CONTEXTS].ctx);
    if (t_random(&w.random) % 512 == 0)
        MUST_OK(lock_sync_pool_set_max_connections(a->pool, 1 + (uint32_t)t_random(&w.random) % 8, 16));
    account_submit(a, a->pool);
}

static void make_guards(store *s)
{
    for (size_t i = 0; i < GUARDS; i++) {
        w.guards[i] = i % 2 == 0 ? stage_guard(1) : stage_store_guard(s, 1);
        MUST_OK(lock_sync_guard_set_hourly_budget(w.guards[i], 1000000, 0));
    }
}

TEST_ON_STAGE(fetches_of_contexts_that_change_origin_and_guard)
{
    uint16_t dead;
    int dead_port = raw_dead_port(&dead);
    lock_sync_pool *p = stage_pool();

    for (size_t i = 0; i < 6; i++)
        w.urls[i] = raw_url(stage_silent_server(i == 0 ? 64 : i));
    w.urls[6] = stage_text("http://127.0.0.1:%u", dead);
    w.urls[7] = stage_text("%s/sub", sim_url(stage_sim(arguments)));
    make_guards(stage_store());
    MUST_OK(lock_sync_pool_set_max_active(p, 24));
    w.random = 4711;
    w.left = (size_t)FETCHES;
    all = stage_accounts(CONTEXTS, w.urls[1]);
    for (size_t i = 0; i < CONTEXTS; i++) {
        all[i].then = wander;
        choose(&all[i]);
    }
    accounts_submit(all, CONTEXTS, p);
    while (lock_sync_pool_pending(p) > 0)
        MUST_OK(pool_wait(p, 1000));
    MUST_INT(w.left, 0);
    for (size_t i = 0; i < CONTEXTS; i++)
        MUST_INT(all[i].calls, all[i].submits);
    (void)close(dead_port);
}
