/* The helper thread: makes the requests to guards that may block. */
#ifndef LSYNC_POOL_HELPER_H
#define LSYNC_POOL_HELPER_H

#include "pool/state.h"

/* Hands a job's step at its guard to the helper thread, and starts the thread if necessary. OK or E_NO_MEMORY. */
lock_sync_status lsync_helper_send(lsync_job *job);
/* Withdraws a request that the thread has not begun. Returns false, and changes nothing, if it has, or if the request
   settles a slot. */
bool lsync_helper_withdraw(lsync_job *job);
/* Takes the next job whose step is done; NULL: none. */
lsync_job *lsync_helper_receive(lock_sync_pool *p);
/* Ends the thread after its current step. All jobs that it had can then be received. */
void lsync_helper_stop(lock_sync_pool *p);

#endif
