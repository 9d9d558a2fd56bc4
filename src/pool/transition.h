/* The transition function of a job's state, and what follows from a state: queue, timer, share of the origin. */
#ifndef LSYNC_POOL_TRANSITION_H
#define LSYNC_POOL_TRANSITION_H

#include "pool/state.h"

/* Changes the state of a job that is in no queue. Appends the job to the state's queue and sets its timer to due_us, if
   the state has these. Removes the job from its origin and its guard's queue if its fetch no longer needs them. */
void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us);

/* Whether the job may send: it has a slot of its guard, or needs none. */
bool lsync_job_has_slot(const lsync_job *job);
/* Removes a job from its origin and from its guard's queue, because its fetch is over or its context is freed. */
void lsync_job_release(lsync_job *job);

#endif
