/* The line of each guard: the pool's fetches in mode WAIT that want its next slot, first come, first served. Only the
   first of a line asks the guard; the others take over what it was told. */
#ifndef LSYNC_POOL_WAITERS_H
#define LSYNC_POOL_WAITERS_H

#include "pool/state.h"

/* Whether another job is first in the line of this job's guard. ASKING: then what that one was told is the answer to
   this one too, which is put into job->x.reservation. */
bool lsync_waiters_answers(lsync_job *job);
/* Whether no other is first in the line of this job's guard: the job is then. */
bool lsync_waiters_leads(lsync_job *job);
/* The queue of those behind the first of the job's line. */
lsync_queue *lsync_waiters_behind(const lsync_job *job);
/* The first does not want a slot any more: returns the next, which is first then and in no queue; NULL: there is none. */
lsync_job *lsync_waiters_leave(lsync_job *job);
/* The first in the line of a guard; NULL: there is no line. */
lsync_job *lsync_waiters_first(lock_sync_pool *p, const lock_sync_guard *guard);
/* Of those behind the first, from *at on, the next that would wait beyond its deadline by what the first was told, taken
   out; NULL: no more. */
lsync_job *lsync_waiters_hopeless(const lsync_job *first, lsync_link **at);

#endif
