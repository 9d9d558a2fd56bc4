/* The queues of each guard: the pool's fetches in mode WAIT that need its next slot, in the order in which they asked.
   Each kind of request has its own queue, because it has its own interval. Only the head of a queue asks the guard; the
   others use the decision on the head. */
#ifndef LSYNC_POOL_WAITERS_H
#define LSYNC_POOL_WAITERS_H

#include "pool/state.h"

/* ASKING: returns whether another job is the head of the job's queue. If so, copies the decision on the head into
   job->x.reservation. */
bool lsync_waiters_copy_decision(lsync_job *job);
/* Makes the job the head of its queue if the queue is empty. Returns whether the job is the head. */
bool lsync_waiters_become_head(lsync_job *job);
/* Returns the waiters after the head of the job's queue. */
lsync_queue *lsync_waiters_others(const lsync_job *job);
/* Takes the head out of its queue. Returns the next job, which becomes the head; NULL: the queue is empty. */
lsync_job *lsync_waiters_leave(lsync_job *job);
/* Returns the head of a guard's queue for that kind; NULL: the queue is empty. */
lsync_job *lsync_waiters_head(lock_sync_pool *p, const lock_sync_guard *guard, lock_sync_request_kind kind);
/* Takes out the next waiter, from *at on, whose deadline ends before the head may ask again; NULL: no more. */
lsync_job *lsync_waiters_take_late(const lsync_job *head, lsync_link **at);

#endif
