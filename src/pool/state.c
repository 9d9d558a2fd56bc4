/* Functions on jobs that several files of the pool need; see state.h. */
#include "pool/state.h"

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

void lsync_pool_wake(lock_sync_pool *p)
{
    if (!p->busy)
        lsync_loop_arm(&p->loop, 0);
}

void lsync_job_make_request(lsync_job *job)
{
    if (job->x.fetch.state != LSYNC_FETCH_DONE) {
        job->request.status = lsync_step_guard(&job->x, job->request.guard);
        return;
    }
    lock_sync_guard_unref(job->request.guard);
    job->request.guard = NULL;
}
