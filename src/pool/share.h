/* How many of a pool's transfers, or of its connections, one origin may use. Pure.

   Neither can be revoked before the request ends, so some must be left for the next origin. The rule is that of dynamic
   thresholds in a switch's shared buffer: an origin may use at most a multiple of what is free. One origin alone then
   leaves a ninth free. The more origins there are, the less each may use, and all may use the same. Half of the ninth
   is reserved for origins that have nothing yet, on trial or not.

   An origin is on trial until it responds in time, and again after a response fails or is late. All origins on trial
   share one half, and each may use at most as much as is left of that half. A part of it is reserved for origins that
   have nothing, so that a few origins that hang do not use it up. However many hang, all other origins have the other
   half. */
#ifndef LSYNC_POOL_SHARE_H
#define LSYNC_POOL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define LSYNC_SHARE_MULTIPLE 8 /* of what is free; one origin alone gets 144 * 8 / 9 = 128 transfers */
#define LSYNC_SHARE_LAST 18    /* 1 / 18 of all is reserved for origins that have nothing, and as much for a trial */

typedef struct lsync_budget {
    uint32_t max;
    uint32_t used;
    uint32_t trial; /* part of `used`: by origins that were on trial when they took it */
} lsync_budget;

/* Returns whether an origin that uses `own` may use one more. */
bool lsync_share_allows(const lsync_budget *budget, uint32_t own, bool on_trial);

#endif
