/* How much of what a pool has, its transfers or its connections, one origin may take. Pure.

   What is taken cannot be taken back before the request ends, so something must be left for an origin that comes next.
   The rule is that of dynamic thresholds in a switch's shared buffer: an origin may hold a multiple of what is free.
   One origin alone then leaves a ninth; the more origins take, the less each may hold, and all are equal. Half of that
   ninth is for those that have nothing yet.

   An origin is on trial until it responds in time, and again when it does not. All that are on trial share one half,
   and each may hold only as much as is left of it: however many hang, those that respond have the other half, and a
   new one finds something left. */
#ifndef LSYNC_POOL_SHARE_H
#define LSYNC_POOL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define LSYNC_SHARE_MULTIPLE 8 /* of what is free; 144 * 8 / 9 = 128 for one that is alone */
#define LSYNC_SHARE_LAST 18    /* the part of all, as 1 / 18, for those that have nothing */

typedef struct lsync_budget {
    uint32_t max;
    uint32_t used;
    uint32_t trial; /* of those: taken by origins while they were on trial */
} lsync_budget;

/* Whether an origin that has taken `own` may take one more. */
bool lsync_share_allows(const lsync_budget *budget, uint32_t own, bool on_trial);

#endif
