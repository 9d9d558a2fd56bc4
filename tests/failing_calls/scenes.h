/* Lives of the library's objects, each from its making to its end, while one call that the library makes fails. */
#ifndef FAILING_CALLS_SCENES_H
#define FAILING_CALLS_SCENES_H

#include "wrapped.h"

#include "../support/checks.h"

#include <locksync/locksync.h>

#include "../support/t_heap.h"
#include "../support/kit.h"
#include "../support/sim.h"

typedef struct scene {
    t_heap heap; /* the library's allocations; empty again at the end */
    const char *url;
    const char *dir; /* a temporary directory */
    size_t fetched;  /* log lines about the outcome of a fetch */
    size_t unharmed; /* number of lives that were OK; the last one is, because no call failed in it */
    bool usable;     /* the objects that were used while the call failed work again */
} scene;

/* A life returns the first status that is not OK. */
typedef lock_sync_status (*life)(scene *s);

lock_sync_status life_of_a_fetch(scene *s);
lock_sync_status life_of_a_fetch_after_a_failed_one(scene *s); /* the first has no listener */
lock_sync_status life_of_a_retried_fetch(scene *s);            /* the first key is rejected, the provider has another */
lock_sync_status life_of_a_directory(scene *s);
lock_sync_status life_of_a_pool(scene *s);
lock_sync_status life_of_a_directory_in_a_pool(scene *s);
lock_sync_status life_of_a_retried_fetch_in_a_pool(scene *s);
lock_sync_status life_of_a_guard_in_a_file(scene *s);

/* Frees a pool while its helper thread settles one slot and another waits for it. Returns whether both were settled. */
bool slots_are_settled_when_a_pool_is_freed(scene *s);

#define MAY(status) (UINT32_C(1) << LOCK_SYNC_##status)

/* Runs a life while the first call of the function fails, then the second, and so on until it makes fewer
   calls. Each time the status must be OK or in `may`, nothing may leak, and the objects must work again. Returns how
   many calls failed. */
size_t check_failing_calls(scene *s, wrapped function, int error, life live, uint32_t may);

#endif
