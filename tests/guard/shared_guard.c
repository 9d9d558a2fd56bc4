/* Functions that the soak and the storm share; see shared_guard.h. */
#include "shared_guard.h"
#include "../support/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef WITH_REDIS
#  include <locksync/redis.h>
#endif

lock_sync_guard *guard_at(const guard_place *place, int64_t interval_ms, uint32_t budget, uint32_t unused)
{
    lock_sync_guard *g = NULL;

    if (place->redis[0] != '\0') {
#ifdef WITH_REDIS
        lock_sync_redis *r = NULL;

        if (lock_sync_redis_new(place->redis, &r) != LOCK_SYNC_OK ||
            lock_sync_guard_open_redis(r, "k", &g) != LOCK_SYNC_OK)
            kit_die("a guard in Redis cannot be opened");
        lock_sync_redis_free(r);
#endif
    } else if (place->file[0] != '\0') {
        while (lock_sync_guard_open_file(place->file, &g) !=
               LOCK_SYNC_OK) /* on a busy machine another process may have the lock */
            (void)usleep(1000);
    } else if (lock_sync_guard_new(&g) != LOCK_SYNC_OK) {
        kit_die("a guard cannot be made");
    }
    if (g == NULL || lock_sync_guard_set_min_interval_ms(g, interval_ms) != LOCK_SYNC_OK ||
        lock_sync_guard_set_hourly_budget(g, budget, unused) != LOCK_SYNC_OK)
        kit_die("a guard cannot be set up");
    return g;
}

void sleep_until(int64_t begin_us, double second)
{
    int64_t left_us = begin_us + (int64_t)(second * 1e6) - kit_now_us();

    if (left_us > 0)
        (void)usleep((useconds_t)left_us);
}

bool soak_arguments(int argc, char **argv, double *seconds, const char **only)
{
    if (argc > 1)
        *seconds = strtod(argv[1], NULL);
    if (argc > 2)
        *only = argv[2];
    if (*seconds >= 1 && *seconds <= 86400)
        return true;
    fprintf(stderr, "usage: %s [SECONDS [%s]]\n", argv[0], *only);
    return false;
}
