/* Where the jobs of a pool stand: all that follows from a job's state is done here. */
#ifndef LSYNC_POOL_PLACES_H
#define LSYNC_POOL_PLACES_H

#include "pool/state.h"

/* Moves a job that was taken out of its queue to a state: into the queue of that state, and into the heap of timers
   until due_us, where the state has them. */
void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us);

/* Whether the job has the slot that it sends in, or needs none. */
bool lsync_job_has_slot(const lsync_job *job);
/* Its origin and its guard's line go on without a job whose fetch is over, or nobody's any more. */
void lsync_job_let_go(lsync_job *job);

#endif
