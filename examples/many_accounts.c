/* Polls many accounts from one thread, in a plain poll(2) loop, once per interval and evenly spread. The personal keys
 * come from stdin: many_accounts ROUNDS <FILE, or seq -f 'key-%.0f' 0 99 | many_accounts ROUNDS. Environment: see
 * configure.h; LOCKSYNC_INTERVAL_MS shortens the interval for a trial. */
#include "configure.h"

#include <poll.h>
#include <time.h>

static lock_sync_ctx *contexts[100000];
static size_t count, ended, succeeded;

static bool add(const char *key, long interval_ms)
{
    lock_sync_ctx **ctx = &contexts[count++];
    lock_sync_guard *guard = NULL; /* one for each account */
    bool added = lock_sync_ctx_new(ctx) == LOCK_SYNC_OK && configure(*ctx) == LOCK_SYNC_OK &&
                 lock_sync_set_personal_key(*ctx, key) == LOCK_SYNC_OK && lock_sync_guard_new(&guard) == LOCK_SYNC_OK &&
                 lock_sync_guard_set_min_interval_ms(guard, interval_ms) == LOCK_SYNC_OK &&
                 lock_sync_set_guard(*ctx, guard) == LOCK_SYNC_OK;

    lock_sync_guard_unref(guard);
    return added;
}

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)user;
    succeeded += report(ctx, status) == EXIT_SUCCESS; /* it prints a failure */
    lock_sync_results_free(results);
    if (++ended % count == 0)
        printf("round %zu: %zu polls of %zu accounts, %zu succeeded\n", ended / count, ended, count, succeeded);
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void run(lock_sync_pool *pool, size_t polls, double step_ms)
{
    struct pollfd ready = {.fd = lock_sync_pool_fd(pool), .events = POLLIN};
    double due_ms = now_ms();

    for (size_t next = 0; ended < polls;) {
        double wait_ms = due_ms - now_ms();

        if (next < polls && wait_ms <= 0) {
            lock_sync_ctx *ctx = contexts[next++ % count];
            lock_sync_status status = lock_sync_pool_submit(pool, ctx, NULL, 0, on_done, NULL);

            if (status != LOCK_SYNC_OK) /* the pool does not call it then */
                on_done(NULL, ctx, status, NULL);
            due_ms += step_ms;
        } else if (poll(&ready, 1, next < polls ? (int)wait_ms + 1 : -1) > 0) {
            (void)lock_sync_pool_dispatch(pool);
        }
    }
}

int main(int argc, char **argv)
{
    long interval_ms = getenv("LOCKSYNC_INTERVAL_MS") != NULL ? atol(getenv("LOCKSYNC_INTERVAL_MS")) : 20000;
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    lock_sync_pool *pool = NULL;
    bool made = lock_sync_pool_new(&pool) == LOCK_SYNC_OK &&
                lock_sync_pool_fd(pool) >= 0; /* -1: no descriptor on this system */
    char key[16385];                          /* the longest key is 16384 bytes */

    while (made && count < sizeof contexts / sizeof contexts[0] && scanf("%16384s", key) == 1)
        made = add(key, interval_ms);
    if (made && count > 0) /* the guard's interval runs from the response, so polls are slightly further apart */
        run(pool, rounds * count, (double)(interval_ms + 500) / (double)count);
    lock_sync_pool_free(pool);
    while (count > 0)
        lock_sync_ctx_free(contexts[--count]);
    return succeeded > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
