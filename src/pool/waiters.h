/* The queue of each guard: the pool's fetches in mode WAIT that need its next slot, in the order in which they asked.
   Only the first of a queue asks the guard; the others, its followers, use the decision on the first. */
#ifndef LSYNC_POOL_WAITERS_H
#define LSYNC_POOL_WAITERS_H

#include "pool/state.h"

/* ASKING: whether another job is first in the queue of this job's guard. If so, copies the decision on that job into
   job->x.reservation. */
bool lsync_waiters_copy_decision(lsync_job *job);
/* Makes the job the first of its guard's queue, unless another is. Returns whether this job is the first. */
bool lsync_waiters_become_first(lsync_job *job);
/* Returns the followers in the queue of the job's guard. */
lsync_queue *lsync_waiters_followers(const lsync_job *job);
/* Takes the first job out of its guard's queue. Returns the next job, which is first now; NULL: the queue is empty. */
lsync_job *lsync_waiters_leave(lsync_job *job);
/* Returns the first job of a guard's queue; NULL: the queue is empty. */
lsync_job *lsync_waiters_first(lock_sync_pool *p, const lock_sync_guard *guard);
/* Takes out the next follower, from *at on, whose deadline ends before the first may ask again; NULL: no more. */
lsync_job *lsync_waiters_take_late(const lsync_job *first, lsync_link **at);

#endif
