/* Where the jobs of a pool stand; see places.h. */
#include "pool/places.h"
#include "pool/waiters.h"
#include "pool/origins.h"
#include "pool/schedule.h"

#include <assert.h>

/* What a job of each state is in. */
static const struct {
    bool queue; /* one that is the pool's thread's alone */
    bool timers;
    bool transfer;
} places[] = {
    [LSYNC_JOB_READY] = {true, true, false},         [LSYNC_JOB_ASKING] = {false, true, false},
    [LSYNC_JOB_ASLEEP] = {false, true, false},       [LSYNC_JOB_BEHIND] = {true, true, false},
    [LSYNC_JOB_ACTIVE] = {false, true, true},        [LSYNC_JOB_DONE] = {true, false, false},
    [LSYNC_JOB_IN_CALLBACK] = {false, false, false},
};

bool lsync_job_has_slot(const lsync_job *job)
{
    return job->x.fetch.state == LSYNC_FETCH_CREDENTIAL || job->x.fetch.state == LSYNC_FETCH_SENDING;
}

static lsync_queue *queue_of(const lsync_job *job)
{
    switch (job->state) {
    case LSYNC_JOB_READY:
        if (job->origin == NULL)
            return &job->pool->ready;
        return lsync_job_has_slot(job) ? &job->origin->admitted : &job->origin->waiting;
    case LSYNC_JOB_BEHIND: return lsync_waiters_behind(job);
    case LSYNC_JOB_DONE: return &job->pool->done;
    case LSYNC_JOB_ASKING:
    case LSYNC_JOB_ASLEEP:
    case LSYNC_JOB_ACTIVE:
    case LSYNC_JOB_IN_CALLBACK:
    default: return NULL;
    }
}

static void leave_line(lsync_job *job)
{
    lsync_job *next = job->is_first ? lsync_waiters_leave(job) : NULL;

    if (next != NULL) /* it asks the guard in its turn */
        lsync_job_move(next, LSYNC_JOB_READY, next->x.fetch.deadline_us);
}

void lsync_job_let_go(lsync_job *job)
{
    lsync_origin *origin = job->origin;

    leave_line(job);
    if (origin == NULL)
        return;
    lsync_origin_release(job);
    lsync_origin_file(job->pool, origin);
}

void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us)
{
    lsync_queue *queue;

    assert(!lsync_is_queued(&job->link));
    assert(places[state].transfer == (job->transfer != NULL));
    job->state = state;
    if (places[state].timers)
        lsync_heap_set(&job->pool->timers, &job->timer, due_us); /* there is room: submit made it */
    else
        lsync_heap_remove(&job->pool->timers, &job->timer);
    queue = queue_of(job);
    assert(places[state].queue == (queue != NULL));
    if (queue != NULL)
        lsync_queue_append(queue, &job->link);
    if (job->x.fetch.state == LSYNC_FETCH_DONE)
        lsync_job_let_go(job);
    else if (job->x.fetch.state != LSYNC_FETCH_WAITING && job->x.fetch.state != LSYNC_FETCH_ASKING)
        leave_line(job);
    if (job->origin != NULL)
        lsync_origin_file(job->pool, job->origin);
}
