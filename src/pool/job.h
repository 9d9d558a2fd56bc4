/* Runs the fetches of the pool's jobs. No function here calls back. */
#ifndef LSYNC_POOL_JOB_H
#define LSYNC_POOL_JOB_H

#include "pool/state.h"

/* Wakes the jobs whose time has come, and starts ready jobs while there are transfers for them. */
void lsync_pool_advance(lock_sync_pool *p);
/* Begins a job's fetch, with the guard mode that its context has now. */
void lsync_pool_begin_fetch(lsync_job *job, int64_t deadline_us);
/* Puts a watch's job to sleep until its next poll. */
void lsync_pool_sleep(lsync_job *job, int64_t until_us);
/* Handles the end of a transfer: retries the request, or ends its fetch. */
void lsync_pool_transfer_over(lsync_pool_transfer *transfer, CURLcode code);
/* Ends all transfers with E_NO_MEMORY and replaces the multi handle, after a failure of libcurl. */
void lsync_pool_abort_transfers(lock_sync_pool *p);
/* Handles the guard's result in job->request (for ASKING, EXTENDING or SETTLING), and continues the job's fetch. */
void lsync_pool_guard_done(lsync_job *job);
/* Cancels a job in any state. It becomes DONE at once, or, if it is on the helper thread, after its steps there. */
void lsync_pool_abort(lsync_job *job);
/* Returns the time at which the pool must be dispatched even if no socket is ready: 0 for at once, LSYNC_NEVER_US for
   never. */
int64_t lsync_pool_due_us(lock_sync_pool *p);
void lsync_pool_free_transfers(lock_sync_pool *p);

#endif
