/* What a decision costs: in memory, in a file, in Redis (a server that the environment's LOCKSYNC_REDIS names). Medians
   of batches; a decision is one reserve or one settle.

       guard-bench [FOLDER]     of the file; a temporary one if not said */
#include "../support/kit.h"

#include "locksync/locksync.h"

#ifdef BENCH_REDIS
#include <locksync/redis.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 101

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One batch in ns per decision: refusals, or slots that are given back or answered (the interval is 1 ms: mostly
   refused again, so it is the giving back that shows what a grant costs). */
static double batch(lock_sync_guard *g, int decisions, bool refused)
{
    int64_t begin_ns = now_ns();
    int64_t slot;
    int64_t wait_ms;

    for (int i = 0; i < decisions; i += refused ? 1 : 2) {
        lock_sync_status status = lock_sync_guard_reserve(g, 1000, &wait_ms, &slot);

        if (refused ? status != LOCK_SYNC_E_TOO_SOON : status == LOCK_SYNC_E_GUARD)
            kit_die("reserve: %s", lock_sync_status_name(status));
        if (!refused && status == LOCK_SYNC_OK)
            (void)lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1);
        if (!refused && status != LOCK_SYNC_OK)
            (void)lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1); /* is over: changes nothing */
    }
    return (double)(now_ns() - begin_ns) / decisions;
}

static double median(lock_sync_guard *g, int decisions, bool refused)
{
    double values[BATCHES];

    (void)batch(g, decisions, refused);
    for (size_t i = 0; i < BATCHES; i++)
        values[i] = batch(g, decisions, refused);
    qsort(values, BATCHES, sizeof values[0], by_value);
    return values[BATCHES / 2];
}

static void measure(const char *name, lock_sync_guard *g, int decisions)
{
    double refused;
    double pair;

    if (g == NULL)
        kit_die("no guard for %s", name);
    (void)lock_sync_guard_set_hourly_budget(g, 1000000, 0);
    (void)lock_sync_guard_set_min_interval_ms(g, 1);
    pair = median(g, decisions, false);
    (void)lock_sync_guard_set_min_interval_ms(g, 3600000);
    (void)lock_sync_guard_reserve(g, 86400000, NULL, NULL);
    refused = median(g, decisions, true);
    printf("%-7s %10.1f ns for a refusal, %10.1f ns for a reserve or settle\n", name, refused, pair);
    lock_sync_guard_unref(g);
}

#ifdef BENCH_REDIS
/* The first use of a database, or one after a restart: half a minute. */
static void wait_for_first_slot(lock_sync_guard *g)
{
    int64_t wait_ms = 0;

    (void)lock_sync_guard_set_min_interval_ms(g, 1);
    while (lock_sync_guard_reserve(g, 0, &wait_ms, NULL) == LOCK_SYNC_E_TOO_SOON)
        (void)usleep((useconds_t)wait_ms * 1000);
}
#endif

int main(int argc, char **argv)
{
    char *dir = argc > 1 ? NULL : kit_temp_dir();
    char *path = kit_text("%s/guard-bench", argc > 1 ? argv[1] : dir);
    lock_sync_guard *g = NULL;

    (void)lock_sync_guard_new(&g);
    measure("memory", g, 20000);
    g = NULL;
    (void)lock_sync_guard_open_file(path, &g);
    measure("file", g, 200);
    (void)remove(path);
#ifdef BENCH_REDIS
    if (getenv("LOCKSYNC_REDIS") != NULL) {
        lock_sync_redis *r = NULL;

        g = NULL;
        (void)lock_sync_redis_new(getenv("LOCKSYNC_REDIS"), &r);
        (void)lock_sync_guard_open_redis(r, "guard-bench", &g);
        lock_sync_redis_free(r);
        if (g != NULL)
            wait_for_first_slot(g);
        measure("redis", g, 20);
    }
#endif
    kit_remove_dir(dir);
    free(path);
    return 0;
}
