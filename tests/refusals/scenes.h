/* What the library does while one call of it is refused: whole lives of its objects, each to the end. */
#ifndef REFUSALS_SCENES_H
#define REFUSALS_SCENES_H

#include "refuse.h"

#include "../support/checks.h"

#include <locksync/locksync.h>

#include "../support/t_heap.h"
#include "../support/kit.h"
#include "../support/sim.h"

typedef struct scene {
    t_heap heap; /* what the library allocates; empty again at the end */
    const char *url;
    const char *dir; /* a temporary folder */
    size_t fetched;  /* lines about a fetch's outcome */
    size_t unharmed; /* lives of a sweep that were OK; the last one is, as nothing was refused in it */
    bool usable;     /* what was used while the call was refused works again without */
} scene;

/* A life: the first status that is not OK. */
typedef lock_sync_status (*life)(scene *s);

lock_sync_status life_of_a_fetch(scene *s);
lock_sync_status life_of_a_fetch_after_a_failed_one(scene *s); /* nobody listens at first */
lock_sync_status life_of_a_repeated_fetch(scene *s); /* the first key is refused, the provider knows another */
lock_sync_status life_of_a_pool(scene *s);
lock_sync_status life_of_a_repeated_fetch_in_a_pool(scene *s);
lock_sync_status life_of_a_guard_in_a_file(scene *s);

/* A pool is freed while its helper thread settles one slot, and another waits to be. Whether both were settled. */
bool questions_are_answered_when_a_pool_is_freed(scene *s);

#define MAY(status) (UINT32_C(1) << LOCK_SYNC_##status)

/* Lives it while one call of the function is refused: the first, the second, and so on, until none is. Each time the
   status is OK or among those in `may`, nothing is left over, and what was used works again. How many were refused. */
size_t check_refusals(scene *s, refusable function, int error, life live, uint32_t may);

#endif
