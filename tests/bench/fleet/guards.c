/* The rate of a pool with guards in memory, in Redis or in files.

   bench-guards BASE_URL WHERE CONTEXTS AT_ONCE USERS SECONDS prints "begin" and then a line of JSON. WHERE is `memory`,
   a URL `redis://...`, or the path of a folder. USERS contexts share each guard. AT_ONCE fetches are pending at all
   times. Each context has its turn in a circle. The guards' interval is 1 ms. A context that shares its guard waits for
   its slot. With one user for each guard it does not wait, so each denial is a decision that is counted. Fetches count
   from "begin", when as many as AT_ONCE are done, for SECONDS, or longer until twice as many are done. */
#include "../tools.h"

#include <locksync/locksync.h>
#include <locksync/redis.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUDGET 1000000

typedef struct bench {
    lock_sync_pool *pool;
    lock_sync_ctx **contexts;
    size_t count;
    size_t pending;
    size_t next; /* the context whose turn it is */
    size_t done, denied, failed;
    bool over;
    double *took_ns; /* of the counted fetches, in a circle of TIMES */
} bench;

#define TIMES 1000000

static bench b;
static double *begun_ns; /* of each context */

static double cpu_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void submit_next(void);

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    const double *begun = user;

    b.pending--;
    if (status == LOCK_SYNC_OK)
        b.took_ns[b.done++ % TIMES] = now_ns() - *begun;
    else if (status == LOCK_SYNC_E_TOO_SOON)
        b.denied++;
    else if (b.failed++ == 0 && !b.over)
        (void)fprintf(stderr, "the first failure: %s\n", lock_sync_error_message(lock_sync_last_error(ctx)));
    lock_sync_results_free(results);
    if (!b.over)
        submit_next();
}

/* Submits the next context. One that is busy, because it waits for its guard, loses its turn. */
static void submit_next(void)
{
    lock_sync_status status = LOCK_SYNC_E_BUSY;

    for (size_t tries = 0; status == LOCK_SYNC_E_BUSY && tries < b.count; tries++) {
        size_t i = b.next++ % b.count;

        begun_ns[i] = now_ns();
        status = lock_sync_pool_submit(b.pool, b.contexts[i], NULL, 0, on_done, &begun_ns[i]);
    }
    if (status != LOCK_SYNC_OK)
        die("submit: %s", lock_sync_status_message(status));
    b.pending++;
}

static lock_sync_status open_guard(const char *where, lock_sync_redis *redis, size_t number, lock_sync_guard **guard)
{
    char name[512];

    if (redis != NULL) {
        (void)snprintf(name, sizeof name, "locksync:account:%zu", number);
        return lock_sync_guard_open_redis(redis, name, guard);
    }
    if (strcmp(where, "memory") == 0)
        return lock_sync_guard_new(guard);
    (void)snprintf(name, sizeof name, "%s/%zu.guard", where, number);
    return lock_sync_guard_open_file(name, guard);
}

static lock_sync_guard *make_guard(const char *where, lock_sync_redis *redis, size_t number)
{
    lock_sync_guard *guard;

    if (open_guard(where, redis, number, &guard) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(guard, 1) != LOCK_SYNC_OK ||
        lock_sync_guard_set_hourly_budget(guard, BUDGET, 0) != LOCK_SYNC_OK)
        die("no guard in %s", where);
    return guard;
}

static void make_context(lock_sync_ctx **ctx, const char *base_url, size_t number, lock_sync_guard *guard,
                         lock_sync_guard_mode mode)
{
    char key[32];

    (void)snprintf(key, sizeof key, "key-%zu", number);
    if (lock_sync_ctx_new(ctx) != LOCK_SYNC_OK || lock_sync_set_base_url(*ctx, base_url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(*ctx, key) != LOCK_SYNC_OK || lock_sync_set_guard(*ctx, guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(*ctx, mode) != LOCK_SYNC_OK)
        die("no context");
}

static void make_contexts(const char *base_url, const char *where, lock_sync_redis *redis, size_t users)
{
    lock_sync_guard *guard = NULL;

    b.contexts = allocate(b.count * sizeof *b.contexts);
    begun_ns = allocate(b.count * sizeof *begun_ns);
    b.took_ns = allocate(TIMES * sizeof *b.took_ns);
    for (size_t i = 0; i < b.count; i++) {
        if (i % users == 0) {
            lock_sync_guard_unref(guard);
            guard = make_guard(where, redis, i / users);
        }
        make_context(&b.contexts[i], base_url, i, guard, users == 1 ? LOCK_SYNC_GUARD_FAIL : LOCK_SYNC_GUARD_WAIT);
    }
    lock_sync_guard_unref(guard);
}

static void run_for(double ns)
{
    double end_ns = now_ns() + ns;

    while (now_ns() < end_ns)
        if (lock_sync_pool_wait(b.pool, 100) != LOCK_SYNC_OK)
            die("the pool cannot continue");
}

static void measure(double ns, size_t warm_up)
{
    double begin_ns, used_ns;

    while (b.done < warm_up)
        run_for(1e7);
    (void)puts("begin");
    (void)fflush(stdout);
    b.done = b.denied = 0;
    begin_ns = now_ns();
    used_ns = cpu_ns();
    run_for(ns);
    while (b.done < 2 * warm_up)
        run_for(1e7);
    used_ns = cpu_ns() - used_ns;
    begin_ns = now_ns() - begin_ns;
    if (b.done == 0)
        die("no fetch succeeded");
    printf("{\"fetches\":%zu,\"denied\":%zu,\"failed\":%zu,\"per_second\":%.1f,\"cpu_us\":%.2f,", b.done, b.denied,
           b.failed, (double)b.done / begin_ns * 1e9, used_ns / 1e3 / (double)b.done);
    printf("\"median_ms\":%.2f}\n", quantile(b.took_ns, b.done < TIMES ? b.done : TIMES, 0.5) / 1e6);
    (void)fflush(stdout); /* before the settling of the pending fetches */
}

int main(int argc, char **argv)
{
    lock_sync_redis *redis = NULL;
    size_t at_once;

    if (argc != 7)
        die("usage: bench-guards BASE_URL WHERE CONTEXTS AT_ONCE USERS SECONDS");
    b.count = strtoul(argv[3], NULL, 10);
    at_once = strtoul(argv[4], NULL, 10);
    if (lock_sync_pool_new(&b.pool) != LOCK_SYNC_OK ||
        lock_sync_pool_set_max_active(b.pool, (uint32_t)(at_once + at_once / 8)) != LOCK_SYNC_OK)
        die("no pool");
    if (lock_sync_redis_url_problem(argv[2]) == NULL && lock_sync_redis_new(argv[2], &redis) != LOCK_SYNC_OK)
        die("no Redis");
    make_contexts(argv[1], argv[2], redis, strtoul(argv[5], NULL, 10));
    while (b.pending < at_once)
        submit_next();
    measure(atof(argv[6]) * 1e9, at_once);
    b.over = true;
    for (size_t i = 0; i < b.count; i++)
        lock_sync_cancel(b.contexts[i]);
    lock_sync_pool_free(b.pool);
    for (size_t i = 0; i < b.count; i++)
        lock_sync_ctx_free(b.contexts[i]);
    lock_sync_redis_free(redis);
    free(b.contexts);
    free(b.took_ns);
    free(begun_ns);
    return 0;
}
