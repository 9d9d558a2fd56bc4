/* Measures the time of a decision, which is one reserve or one settle: in memory, in a file, and in Redis. The
   environment variable LOCKSYNC_REDIS is the URL of the server. Prints medians of batches.

       guard-bench [FOLDER]     the folder of the file; by default a temporary one */
#include "shared_guard.h"

#include "../support/kit.h"

#include <locksync/locksync.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCHES 101

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Returns the ns per decision of one batch: of denials, or of reserves and settles. With an interval of 1 ms most
   reserves after a settle are denied, so refunds show the time of a grant. */
static double batch(lock_sync_guard *g, int decisions, bool denied)
{
    int64_t begin_us = kit_now_us();

    for (int i = 0; i < decisions; i += denied ? 1 : 2) {
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, 1000, NULL, &slot);

        if (denied ? status != LOCK_SYNC_E_TOO_SOON : status == LOCK_SYNC_E_GUARD)
            kit_die("reserve: %s", lock_sync_status_name(status));
        if (!denied && status == LOCK_SYNC_OK)
            (void)lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1);
        if (!denied && status != LOCK_SYNC_OK)
            (void)lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1); /* an ended slot: changes nothing */
    }
    return (double)(kit_now_us() - begin_us) * 1000 / decisions;
}

static double median(lock_sync_guard *g, int decisions, bool denied)
{
    double values[BATCHES];

    (void)batch(g, decisions, denied);
    for (size_t i = 0; i < BATCHES; i++)
        values[i] = batch(g, decisions, denied);
    qsort(values, BATCHES, sizeof values[0], by_value);
    return values[BATCHES / 2];
}

static void measure(const char *name, const guard_place *place, int decisions)
{
    lock_sync_guard *g = guard_at(place, &(guard_limits){1, 1000000, 0});
    int64_t wait_ms = 0;
    double denied;
    double pair;

    /* at the first use of a database, or after a restart, this takes half a minute */
    while (lock_sync_guard_reserve(g, 0, &wait_ms, NULL) == LOCK_SYNC_E_TOO_SOON)
        (void)usleep((useconds_t)wait_ms * 1000);
    pair = median(g, decisions, false);
    (void)lock_sync_guard_set_min_interval_ms(g, 3600000);
    while (lock_sync_guard_reserve(g, 86400000, NULL, NULL) == LOCK_SYNC_OK)
        continue;
    denied = median(g, decisions, true);
    printf("%-7s %10.1f ns for a denial, %10.1f ns for a reserve or settle\n", name, denied, pair);
    lock_sync_guard_unref(g);
}

int main(int argc, char **argv)
{
    char *dir = argc > 1 ? NULL : kit_temp_dir();
    guard_place place = {.redis = ""};

    measure("memory", &place, 20000);
    (void)snprintf(place.file, sizeof place.file, "%s/guard-bench", argc > 1 ? argv[1] : dir);
    measure("file", &place, 200);
    (void)remove(place.file);
    if (getenv("LOCKSYNC_REDIS") != NULL) {
        (void)snprintf(place.redis, sizeof place.redis, "%s", getenv("LOCKSYNC_REDIS"));
        measure("redis", &place, 20);
    }
    kit_remove_dir(dir);
    return 0;
}
