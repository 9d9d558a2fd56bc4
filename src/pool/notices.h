/* How a cancel or a stop, on any thread, reaches a job on the pool's thread. */
#ifndef LSYNC_POOL_NOTICES_H
#define LSYNC_POOL_NOTICES_H

#include "pool/state.h"

/* Puts the owner's job into pool->notices. For the owner's functions. */
void lsync_pool_notice(lsync_owner *owner);
/* Does what follows from `cancelled` and `stopped` of the job's context: cancels the job, or ends its pause. */
void lsync_pool_heed(lsync_job *job);
/* Does the same for all jobs in pool->notices. */
void lsync_pool_heed_notices(lock_sync_pool *p);

#endif
