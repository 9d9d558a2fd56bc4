/* Drives the fetches of the pool's jobs. Nothing here calls back. */
#ifndef LSYNC_POOL_JOB_H
#define LSYNC_POOL_JOB_H

#include "pool/state.h"

/* Moves ready jobs on while there are transfers, and wakes those whose time has come. */
void lsync_pool_advance(lock_sync_pool *p);
/* Begins a job's fetch, in mode and with the timeout that its context has now. */
void lsync_pool_begin_fetch(lsync_job *job, int64_t now_us);
/* Lets the job of a watch sleep until its next poll. */
void lsync_pool_sleep(lsync_job *job, int64_t until_us);
/* Takes in a transfer that is over. */
void lsync_pool_transfer_over(lsync_pool_transfer *transfer, CURLcode code);
/* Ends all transfers, and closes all connections: libcurl cannot go on with them. */
void lsync_pool_begin_anew(lock_sync_pool *p);
/* Takes in what a guard has answered. */
void lsync_pool_reserved(lsync_job *job);
/* Ends a job early, wherever it stands; it is then done, or freed when the helper thread comes back. */
void lsync_pool_abort(lsync_job *job);
/* When the pool itself wants to be called; LSYNC_NEVER_US: not. */
int64_t lsync_pool_due_us(lock_sync_pool *p);
void lsync_pool_free_transfers(lock_sync_pool *p);

#endif
