/* Cancels and stops of the pool's jobs; see notices.h. */
#include "pool/notices.h"
#include "pool/job.h"

void lsync_pool_notice(lsync_owner *owner)
{
    lsync_job *job = LSYNC_OF(owner, lsync_job, owner);
    lock_sync_pool *p = job->pool;

    (void)pthread_mutex_lock(&p->mutex);
    if (!lsync_is_queued(&job->notice))
        lsync_queue_append(&p->notices, &job->notice);
    (void)pthread_mutex_unlock(&p->mutex);
    lsync_loop_wake(&p->loop);
}

/* Puts a paused watch's job to sleep until its next poll, unless its context is still stopped. */
static void resume(lsync_job *job)
{
    lock_sync_ctx *ctx = job->x.ctx;

    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    job->is_paused = atomic_load(&ctx->stopped);
    if (job->is_paused)
        atomic_store(&ctx->cancelled, false); /* nothing runs that could be cancelled */
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
    if (!job->is_paused)
        lsync_pool_sleep(job, job->watch->due_us);
}

void lsync_pool_heed(lsync_job *job)
{
    if (job->is_paused)
        resume(job);
    if (atomic_load(&job->x.ctx->cancelled))
        lsync_pool_abort(job);
}

void lsync_pool_heed_notices(lock_sync_pool *p)
{
    lsync_link *link;

    while ((link = lsync_pool_take(p, &p->notices)) != NULL)
        lsync_pool_heed(LSYNC_OF(link, lsync_job, notice));
}
