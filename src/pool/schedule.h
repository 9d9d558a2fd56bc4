/* Whose turn it is: which origin's job gets the next transfer. */
#ifndef LSYNC_POOL_SCHEDULE_H
#define LSYNC_POOL_SCHEDULE_H

#include "pool/state.h"

void lsync_schedule_init(lock_sync_pool *p);
/* Puts an origin into the queue where it belongs now, unless it stands there: after each change of it. */
void lsync_origin_file(lock_sync_pool *p, lsync_origin *origin);
/* The origin whose turn it is. Of those that may take a transfer, one that has none comes before one that has some.
   NULL: none may. */
lsync_origin *lsync_schedule_next(lock_sync_pool *p);
/* Takes the first of an origin's jobs out, for its turn. The origin comes last then. */
lsync_job *lsync_schedule_take(lsync_origin *origin);
/* The limits were changed: those that were full may have a place. */
void lsync_schedule_file_full(lock_sync_pool *p);

/* Sees which leaders have sent, and which are so slow that others go ahead beside them. */
void lsync_schedule_check_leaders(lock_sync_pool *p);
/* When a leader is next too slow; LSYNC_NEVER_US: there is none. */
int64_t lsync_schedule_due_us(const lock_sync_pool *p);

#endif
