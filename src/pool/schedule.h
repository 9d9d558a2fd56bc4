/* The schedule: which origin's job gets the next transfer. */
#ifndef LSYNC_POOL_SCHEDULE_H
#define LSYNC_POOL_SCHEDULE_H

#include "pool/state.h"

void lsync_schedule_init(lock_sync_pool *p);
/* Moves an origin into the queue where it belongs now. Must be called after each change of the origin. */
void lsync_schedule_update(lock_sync_pool *p, lsync_origin *origin);
/* Updates all origins in `full`, after the pool's limits have changed. */
void lsync_schedule_update_full(lock_sync_pool *p);
/* Returns the origin whose job gets the next transfer. Origins without a transfer come first. NULL: no origin may
   start a transfer. */
lsync_origin *lsync_schedule_next(lock_sync_pool *p);
/* Takes the next job out of an origin's queues, and the origin out of the pool's queue. The next lsync_schedule_update
   puts the origin into a queue again, usually at the end. */
lsync_job *lsync_schedule_take(lsync_origin *origin);

/* Ends the lead of each leader whose request was sent. Lets another transfer start beside each leader that is too
   slow. */
void lsync_schedule_check_leaders(lock_sync_pool *p);
/* Returns the time at which the next leader becomes too slow; LSYNC_NEVER_US: there is no leader. */
int64_t lsync_schedule_due_us(const lock_sync_pool *p);

#endif
