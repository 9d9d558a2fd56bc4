/* Storms: cancels from four threads against hundreds of pending fetches, 20,000 fetches with faults mixed in, and as many
   by contexts that change origin and guard from fetch to fetch. Each submit has one callback, and memory stays flat. */
#include "accounts.h"
#include "../support/heap.h"
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CONTEXTS 200
#define THREADS 4
#define STORM_MS 3000
#define LANES 128
#define FETCHES (kit_slack() > 1 ? 4000 : 20000)

static account all[CONTEXTS];
static sim *target;
static atomic_bool over;
static size_t started;

static int begin(void **user)
{
    static const char *const arguments[] = {"--static", "--any-key", "--delay-ms", "1", NULL};

    (void)user;
    target = sim_start(arguments);
    return 0;
}

static int end(void **user)
{
    (void)user;
    sim_stop(target, NULL);
    return 0;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void *cancel_at_random(void *seed)
{
    uint64_t random = *(const uint64_t *)seed;

    while (!atomic_load(&over)) {
        struct timespec pause = {0, (long)(next_random(&random) % 50000)};

        lock_sync_cancel(all[next_random(&random) % CONTEXTS].ctx);
        (void)nanosleep(&pause, NULL); /* else the pool gets no turn on two cores */
    }
    return NULL;
}

static size_t ends[2]; /* OK, cancelled */
static size_t others;

static void go_on(account *a)
{
    ends[0] += a->status == LOCK_SYNC_OK;
    ends[1] += a->status == LOCK_SYNC_E_CANCELLED;
    others += a->status != LOCK_SYNC_OK && a->status != LOCK_SYNC_E_CANCELLED && a->status != LOCK_SYNC_E_TOO_SOON;
    if (!atomic_load(&over))
        account_submit(a, a->pool);
}

TEST(cancels_from_four_threads)
{
    static uint64_t seeds[THREADS] = {1, 22, 333, 4444};
    lock_sync_pool *p = pool_make();
    store *s = store_new();
    pthread_t threads[THREADS];
    int64_t until = kit_now_ms() + STORM_MS;

    MUST_OK(lock_sync_pool_set_max_active(p, 64));
    MUST_OK(lock_sync_pool_set_max_connections(p, 32, 64));
    accounts_make(all, CONTEXTS, sim_url(target));
    for (size_t i = 0; i < CONTEXTS; i++) {
        lock_sync_guard *g = i % 4 == 3 ? store_guard(s, 1) : NULL;

        all[i].then = go_on;
        account_guard(&all[i], g, i % 2 == 0 ? LOCK_SYNC_GUARD_OFF : LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
    for (size_t i = 1; i < CONTEXTS; i += 4) { /* these wait in memory */
        lock_sync_guard *g;

        MUST_OK(lock_sync_guard_new(&g));
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, 5));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
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
    for (size_t i = 0; i < CONTEXTS; i++) {
        MUST_INT(all[i].calls, all[i].submits);
        all[i].then = NULL;
    }
    MUST(ends[1] > CONTEXTS);
    MUST_INT(others, 0);
    for (size_t i = 0; i < CONTEXTS; i++)
        account_guard(&all[i], NULL, LOCK_SYNC_GUARD_OFF);
    accounts_submit(all, CONTEXTS, p); /* all work as before */
    pool_run_all(p);
    for (size_t i = 0; i < CONTEXTS; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    accounts_free(all, CONTEXTS);
    pool_end(p);
    store_free(s);
    MUST_INT(stray_callbacks(), 0);
}

/* --- many fetches --- */

static void next_fetch(account *a)
{
    ends[0] += a->status == LOCK_SYNC_OK;
    if (started < (size_t)FETCHES) {
        started++;
        account_submit(a, a->pool);
    }
}

TEST(twenty_thousand_fetches_with_faults)
{
    static const char *const faults[] = {"500", "reset", "truncated", "bad-json", "429", "html"};
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p;
    size_t total = 0;
    size_t early = 0;

    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    MUST_OK(lock_sync_pool_set_max_active(p, LANES));
    MUST_OK(lock_sync_pool_set_max_connections(p, 64, 64));
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        sim_fault(target, faults[i], (unsigned)(20 + 3 * i));
    ends[0] = 0;
    for (size_t i = 0; i < LANES; i++) {
        all[i] = account_new(sim_url(target));
        all[i].then = next_fetch;
    }
    started = LANES;
    accounts_submit(all, LANES, p);
    while (lock_sync_pool_pending(p) > 0) {
        MUST_OK(pool_wait(p, 1000));
        if (early == 0 && started > (size_t)FETCHES / 4)
            early = h.blocks + 4;
        if (early > 0 && h.blocks > early + 4 * LANES)
            fail_msg("%zu blocks after %zu fetches, %zu before", (size_t)h.blocks, started, early);
    }
    for (size_t i = 0; i < LANES; i++) {
        MUST_INT(all[i].calls, all[i].submits);
        total += all[i].calls;
    }
    MUST_INT(total, FETCHES);
    MUST_BETWEEN(ends[0], (size_t)FETCHES / 2, (size_t)FETCHES - 100);
    accounts_free(all, LANES);
    pool_end(p);
    MUST_INT(h.blocks, 0);
    MUST_INT(stray_callbacks(), 0);
}

/* --- contexts that are another each time --- */

#define GUARDS 6

typedef struct wanderers {
    char *urls[8];
    lock_sync_guard *guards[GUARDS];
    uint64_t random;
    size_t left;
    size_t submits;
    size_t calls;
} wanderers;

static wanderers w;

static void choose(account *a)
{
    static const lock_sync_guard_mode modes[] = {LOCK_SYNC_GUARD_OFF, LOCK_SYNC_GUARD_WAIT, LOCK_SYNC_GUARD_WAIT,
                                                 LOCK_SYNC_GUARD_FAIL, LOCK_SYNC_GUARD_CACHED};
    static const int64_t timeouts_ms[] = {20, 200, 2000};

    MUST_OK(lock_sync_set_base_url(a->ctx, w.urls[next_random(&w.random) % COUNT_OF(w.urls)]));
    MUST_OK(lock_sync_set_timeout_ms(a->ctx, timeouts_ms[next_random(&w.random) % COUNT_OF(timeouts_ms)]));
    account_guard(a, w.guards[next_random(&w.random) % GUARDS], modes[next_random(&w.random) % COUNT_OF(modes)]);
}

static void wander(account *a)
{
    w.calls++;
    if (w.left == 0)
        return;
    w.left--;
    w.submits++;
    choose(a);
    if (next_random(&w.random) % 8 == 0)
        lock_sync_cancel(all[next_random(&w.random) % CONTEXTS].ctx);
    if (next_random(&w.random) % 512 == 0)
        MUST_OK(lock_sync_pool_set_max_connections(a->pool, 1 + (uint32_t)next_random(&w.random) % 8, 16));
    account_submit(a, a->pool);
}

static void make_guards(store *s)
{
    for (size_t i = 0; i < GUARDS; i++) {
        if (i % 2 == 0)
            MUST_OK(lock_sync_guard_new(&w.guards[i]));
        else
            w.guards[i] = store_guard(s, 1);
        MUST_OK(lock_sync_guard_set_min_interval_ms(w.guards[i], 1));
        MUST_OK(lock_sync_guard_set_hourly_budget(w.guards[i], 1000000, 0));
    }
}

TEST(fetches_of_contexts_that_change_origin_and_guard)
{
    static const raw_step wait[] = {RAW_WAIT_FOR_CLOSE, RAW_END};
    const raw_step *silent[64];
    raw_server *servers[6];
    lock_sync_pool *p = pool_make();
    store *s = store_new();
    uint16_t dead;
    int dead_port = raw_dead_port(&dead);

    for (size_t i = 0; i < COUNT_OF(silent); i++)
        silent[i] = wait;
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        servers[i] = raw_start(AF_INET, silent, i == 0 ? COUNT_OF(silent) : i);
        w.urls[i] = kit_text("%s", raw_url(servers[i]));
    }
    w.urls[6] = kit_text("http://127.0.0.1:%u", dead);
    w.urls[7] = kit_text("%s/sub", sim_url(target));
    make_guards(s);
    MUST_OK(lock_sync_pool_set_max_active(p, 24));
    w.random = 4711;
    w.left = (size_t)FETCHES;
    w.submits = CONTEXTS;
    for (size_t i = 0; i < CONTEXTS; i++) {
        all[i] = account_new(w.urls[1]);
        all[i].then = wander;
        choose(&all[i]);
    }
    accounts_submit(all, CONTEXTS, p);
    while (lock_sync_pool_pending(p) > 0)
        MUST_OK(pool_wait(p, 1000));
    MUST_INT(w.calls, w.submits);
    for (size_t i = 0; i < CONTEXTS; i++)
        MUST_INT(all[i].calls, all[i].submits);
    accounts_free(all, CONTEXTS);
    pool_end(p);
    for (size_t i = 0; i < GUARDS; i++)
        lock_sync_guard_unref(w.guards[i]);
    store_free(s);
    for (size_t i = 0; i < COUNT_OF(servers); i++)
        raw_stop(servers[i]);
    for (size_t i = 0; i < COUNT_OF(w.urls); i++)
        free(w.urls[i]);
    (void)close(dead_port);
    MUST_INT(stray_callbacks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(cancels_from_four_threads),
        T(twenty_thousand_fetches_with_faults),
        T(fetches_of_contexts_that_change_origin_and_guard),
    };

    return T_MAIN_IN(tests, begin, end);
}
