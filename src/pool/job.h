/* Runs the fetches of the pool's jobs. No function here calls back. */
#ifndef LSYNC_POOL_JOB_H
#define LSYNC_POOL_JOB_H

#include "pool/state.h"

/* Wakes the jobs whose time has come, and starts ready jobs while there are transfers for them. */
void lsync_pool_advance(lock_sync_pool *p);
/* Begins a job's fetch, with the guard mode and the timeout that its context has now. */
void lsync_pool_begin_fetch(lsync_job *job, int64_t now_us);
/* Puts a watch's job to sleep until its next poll. */
void lsync_pool_sleep(lsync_job *job, int64_t until_us);
/* Handles the end of a transfer: retries the request, or ends its fetch. */
void lsync_pool_transfer_over(lsync_pool_transfer *transfer, CURLcode code);
/* Ends all transfers with E_NO_MEMORY and replaces the multi handle, after a failure of libcurl. */
void lsync_pool_abort_transfers(lock_sync_pool *p);
/* Handles the result of a job's step at its guard. */
void lsync_pool_guard_done(lsync_job *job);
/* Cancels a job in any state. It becomes DONE at once, or after its steps on the helper thread. */
void lsync_pool_abort(lsync_job *job);
/* Returns when the pool must be dispatched even if no socket is ready; LSYNC_NEVER_US: never. */
int64_t lsync_pool_due_us(lock_sync_pool *p);
void lsync_pool_free_transfers(lock_sync_pool *p);

#endif
