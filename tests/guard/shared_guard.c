/* Functions that the soak and the storm share; see shared_guard.h. */
#include "shared_guard.h"
#include "../support/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef WITH_REDIS
#  include <locksync/redis.h>
#endif

#ifdef WITH_REDIS
static lock_sync_redis *redis_at(const guard_place *place)
{
    lock_sync_redis *r = NULL;

    if (place->redis[0] != '\0' && lock_sync_redis_new(place->redis, &r) != LOCK_SYNC_OK)
        kit_die("%s cannot be used", place->redis);
    return r;
}
#else
typedef struct lock_sync_redis lock_sync_redis;
#endif

static lock_sync_guard *open_guard(const guard_place *place, lock_sync_redis *r)
{
    lock_sync_guard *g = NULL;

    if (place->redis[0] != '\0') {
#ifdef WITH_REDIS
        if (lock_sync_guard_open_redis(r, "k", &g) != LOCK_SYNC_OK)
            kit_die("a guard in Redis cannot be opened");
#else
        (void)r;
#endif
    } else if (place->file[0] != '\0') {
        while (lock_sync_guard_open_file(place->file, &g) !=
               LOCK_SYNC_OK) /* on a busy machine another process may have the lock */
            (void)usleep(1000);
    } else if (lock_sync_guard_new(&g) != LOCK_SYNC_OK) {
        kit_die("a guard cannot be made");
    }
    return g;
}

void guards_at(const guard_place *place, lock_sync_guard **guards, size_t n, const guard_limits *limits)
{
    lock_sync_redis *r = NULL;

#ifdef WITH_REDIS
    r = redis_at(place);
#endif
    for (size_t i = 0; i < n; i++) {
        guards[i] = open_guard(place, r);
        if (guards[i] == NULL || lock_sync_guard_set_min_interval_ms(guards[i], limits->interval_ms) != LOCK_SYNC_OK ||
            lock_sync_guard_set_hourly_budget(guards[i], limits->budget, limits->unused) != LOCK_SYNC_OK)
            kit_die("a guard cannot be set up");
    }
#ifdef WITH_REDIS
    lock_sync_redis_free(r);
#endif
}

lock_sync_guard *guard_at(const guard_place *place, const guard_limits *limits)
{
    lock_sync_guard *g;

    guards_at(place, &g, 1, limits);
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
