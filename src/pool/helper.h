/* The helper thread: makes the requests to guards that may block, and connects channels. */
#ifndef LSYNC_POOL_HELPER_H
#define LSYNC_POOL_HELPER_H

#include "pool/state.h"

/* Makes the helper thread carry out the job's current step, which calls the guard. Starts the thread if necessary.
   Returns OK or E_NO_MEMORY. */
lock_sync_status lsync_helper_send(lsync_job *job);
/* Withdraws the job's helper request. Returns false, and changes nothing, if the thread has begun the request or if the
   request settles a slot. */
bool lsync_helper_withdraw(lsync_job *job);
/* Returns the next job whose step is done; NULL: no such job. */
lsync_job *lsync_helper_receive(lock_sync_pool *p);
/* Makes the helper thread connect a channel. Starts the thread if necessary. False: the thread cannot be started. */
bool lsync_helper_connect(lock_sync_pool *p, lsync_channel *channel);
/* Returns the next channel whose `connect` has returned; NULL: no such channel. */
lsync_channel *lsync_helper_connected(lock_sync_pool *p);
/* Ends the thread after its current step. Then lsync_helper_receive returns all jobs that were on the thread. */
void lsync_helper_stop(lock_sync_pool *p);

#endif
