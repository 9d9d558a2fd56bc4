/* The pool's channels: decisions of guards whose store has one, many on their way at a time. */
#ifndef LSYNC_POOL_CHANNELS_H
#define LSYNC_POOL_CHANNELS_H

#include "pool/state.h"

/* Makes the channel of a job's guard carry out the job's current step. The job must be IN_CHANNEL, and in no queue.
   Only one decision of each guard is on its way. The others wait, those that settle a slot before those that request
   one. */
void lsync_channels_send(lsync_job *job, lsync_channel *channel);
/* Returns the channel to the store of a guard, which is opened if necessary. NULL: use the helper thread. */
lsync_channel *lsync_channels_find(lock_sync_pool *p, const lock_sync_guard *guard);
/* Withdraws the job's step. Returns false, and changes nothing, if its swap is on its way, if it settles a slot, or if
   it is done. */
bool lsync_channels_withdraw(lsync_job *job);
/* Sends what waits, and takes what has arrived. */
void lsync_channels_proceed(lock_sync_pool *p);
/* Returns the next job whose step is done; NULL: no such job. */
lsync_job *lsync_channels_receive(lock_sync_pool *p);
/* Returns when lsync_channels_proceed must be called at the latest; 0: at once. */
int64_t lsync_channels_due_us(const lock_sync_pool *p);
/* Returns whether a job is in a channel, or done there and not received. */
bool lsync_channels_are_busy(const lock_sync_pool *p);
/* Closes all channels, after the helper thread has ended. All steps are done then, and those that follow are done at
   once, without the store. */
void lsync_channels_close(lock_sync_pool *p);

#endif
