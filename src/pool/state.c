/* Where the jobs of a pool stand; see state.h. */
#include "pool/state.h"

#include <assert.h>

/* What a job of each state is in. */
static const struct {
    bool queue; /* one that is the pool's thread's alone */
    bool timers;
    bool seat;
} places[] = {
    [LSYNC_JOB_READY] = {true, true, false},
    [LSYNC_JOB_ASKING] = {false, true, false},
    [LSYNC_JOB_ASLEEP] = {false, true, false},
    [LSYNC_JOB_HELD] = {true, true, false},
    [LSYNC_JOB_ACTIVE] = {false, true, true},
    [LSYNC_JOB_DONE] = {true, false, false},
    [LSYNC_JOB_TOLD] = {false, false, false},
};

static lsync_queue *queue_of(const lsync_job *job)
{
    bool has_slot = job->x.fetch.state == LSYNC_FETCH_CREDENTIAL || job->x.fetch.state == LSYNC_FETCH_SENDING;

    switch (job->state) {
    case LSYNC_JOB_READY:
        return has_slot ? &job->pool->admitted : &job->pool->ready;
    case LSYNC_JOB_HELD:
        return &job->host->held;
    case LSYNC_JOB_DONE:
        return &job->pool->done;
    case LSYNC_JOB_ASKING:
    case LSYNC_JOB_ASLEEP:
    case LSYNC_JOB_ACTIVE:
    case LSYNC_JOB_TOLD:
    default:
        return NULL;
    }
}

void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us)
{
    lsync_queue *queue;

    assert(!lsync_is_queued(&job->link));
    assert(places[state].seat == (job->seat != NULL));
    job->state = state;
    lsync_heap_remove(&job->pool->timers, &job->timer);
    if (places[state].timers) {
        job->timer.due_us = due_us;
        lsync_heap_add(&job->pool->timers, &job->timer); /* there is room: submit made it */
    }
    queue = queue_of(job);
    assert(places[state].queue == (queue != NULL));
    if (queue != NULL)
        lsync_queue_append(queue, &job->link);
}

void lsync_pool_set_owner(lock_sync_ctx *ctx, lsync_owner *owner)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    ctx->owner = owner;
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

lsync_link *lsync_pool_take(lock_sync_pool *p, lsync_queue *q)
{
    lsync_link *link;

    (void)pthread_mutex_lock(&p->mutex);
    link = lsync_queue_take(q);
    (void)pthread_mutex_unlock(&p->mutex);
    return link;
}

void lsync_pool_forget_notice(lsync_job *job)
{
    (void)pthread_mutex_lock(&job->pool->mutex);
    lsync_queue_remove(&job->notice);
    (void)pthread_mutex_unlock(&job->pool->mutex);
}

void lsync_pool_detach(lsync_job *job)
{
    lsync_pool_set_owner(job->x.ctx, NULL);
    lsync_pool_forget_notice(job);
    job->pool->pending--;
}

void lsync_pool_nudge(lock_sync_pool *p)
{
    if (!p->busy)
        lsync_loop_arm(&p->loop, 0);
}
