/* The transition function of a job's state, and what follows from a state: queue, timer, share of the origin. */
#ifndef LSYNC_POOL_TRANSITION_H
#define LSYNC_POOL_TRANSITION_H

#include "pool/state.h"

/* Changes the state of a job that is in no queue. If the new state has a queue, appends the job. If the new state has a
   timer, sets it to due_us. If the fetch no longer needs its origin or its guard's queue, removes the job from them. */
void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us);

/* Returns whether the job may send: it has a slot of its guard, or needs none. */
bool lsync_job_has_slot(const lsync_job *job);
/* Removes a job from its origin and from its guard's queue, because its fetch is over or its context is freed. */
void lsync_job_release(lsync_job *job);

#endif
