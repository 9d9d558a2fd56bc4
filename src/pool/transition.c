/* The transitions of a job's state; see transition.h. */
#include "pool/transition.h"
#include "pool/waiters.h"
#include "pool/origins.h"
#include "pool/schedule.h"

#include <assert.h>

/* The properties of each state: whether a job in it is in a queue, has a timer, has a transfer. */
static const struct {
    bool queue; /* one of the state: not a queue of the helper thread or of a channel */
    bool timer;
    bool transfer;
} states[] = {
    [LSYNC_JOB_READY] = {.queue = true, .timer = true},
    [LSYNC_JOB_IN_HELPER] = {.timer = true},
    [LSYNC_JOB_IN_CHANNEL] = {.timer = true},
    [LSYNC_JOB_ASLEEP] = {.timer = true},
    [LSYNC_JOB_QUEUED] = {.queue = true, .timer = true},
    [LSYNC_JOB_ACTIVE] = {.timer = true, .transfer = true},
    [LSYNC_JOB_DONE] = {.queue = true},
    [LSYNC_JOB_IN_CALLBACK] = {0},
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
        return lsync_job_has_slot(job) ? &job->origin->with_slot : &job->origin->waiting;
    case LSYNC_JOB_QUEUED: return lsync_waiters_others(job);
    case LSYNC_JOB_DONE: return &job->pool->done;
    case LSYNC_JOB_IN_HELPER:
    case LSYNC_JOB_IN_CHANNEL:
    case LSYNC_JOB_ASLEEP:
    case LSYNC_JOB_ACTIVE:
    case LSYNC_JOB_IN_CALLBACK:
    default: return NULL;
    }
}

/* Removes the job from its guard's queue, if it is the head. The next job becomes the head, and asks the guard. */
static void leave_waiters(lsync_job *job)
{
    lsync_job *next = job->is_head ? lsync_waiters_leave(job) : NULL;

    if (next != NULL)
        lsync_job_move(next, LSYNC_JOB_READY, next->x.fetch.deadline_us);
}

void lsync_job_release(lsync_job *job)
{
    lsync_origin *origin = job->origin;

    leave_waiters(job);
    if (origin == NULL)
        return;
    lsync_origin_release(job);
    lsync_schedule_update(job->pool, origin);
}

void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us)
{
    lsync_queue *queue;

    assert(!lsync_is_queued(&job->link));
    assert(states[state].transfer == (job->transfer != NULL));
    job->state = state;
    if (states[state].timer)
        lsync_heap_set(&job->pool->timers, &job->timer, due_us); /* submit has reserved the memory */
    else
        lsync_heap_remove(&job->pool->timers, &job->timer);
    queue = queue_of(job);
    assert(states[state].queue == (queue != NULL));
    if (queue != NULL)
        lsync_queue_append(queue, &job->link);
    if (job->x.fetch.state == LSYNC_FETCH_DONE)
        lsync_job_release(job);
    else if (job->x.fetch.state != LSYNC_FETCH_WAITING && job->x.fetch.state != LSYNC_FETCH_ASKING)
        leave_waiters(job);
    if (job->origin != NULL)
        lsync_schedule_update(job->pool, job->origin);
}
