/* Watches in a pool: a job that sleeps until the next poll, and keeps its context meanwhile. */
#include "pool/job.h"
#include "pool/places.h"
#include "pool/submit.h"

/* Gives the job back the state of one that was never moved on. */
static void rewind_job(lsync_job *job)
{
    job->slept = false;
    job->x.results = NULL;
}

/* While a context is lent to a callback, nobody cancels it. */
static void lend(lock_sync_ctx *ctx, bool lent)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    atomic_store(&ctx->lent, lent);
    atomic_store(&ctx->cancelled, false);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

/* Calls back with the context lent to the callback, which may take the watch out of the pool: then the job is alone. */
static void tell(lsync_job *job, lock_sync_status status, lock_sync_changes *changes)
{
    lock_sync_watch *w = job->watch;

    lend(job->x.ctx, true);
    lsync_pool_forget_notice(job);
    lsync_job_move(job, LSYNC_JOB_IN_CALLBACK, 0);
    (void)lsync_ctx_end(job->x.ctx, status);
    job->changed(job->user, w, status, changes);
    if (job->watch != NULL)
        lend(job->x.ctx, false);
}

/* The pool is being freed: the watch leaves it, and hears of it. */
static void end_watch(lsync_job *job)
{
    lock_sync_watch *w = job->watch;

    w->owner = NULL;
    lsync_pool_detach(job);
    lsync_ctx_finish(job->x.ctx);
    job->changed(job->user, w, job->x.fetch.status, NULL);
    lsync_free(&job->pool->memory, job);
}

/* What the end of a job's poll means for its watch, as lsync_watch_take. */
static lock_sync_status take(lsync_job *job, lock_sync_changes **changes)
{
    lock_sync_status status;

    *changes = NULL;
    if (job->slept) /* it slept, and was cancelled: no poll ended */
        return job->x.fetch.status;
    status = lsync_watch_take(job->watch, job->x.fetch.status, job->x.results, changes);
    if (status == LOCK_SYNC_E_TIMEOUT && atomic_load(&job->x.ctx->cancelled))
        status = lsync_ctx_cancelled(job->x.ctx); /* too late for the poll: it ends the wait for the next */
    return status;
}

/* Tells the end of a poll, if there is something to tell, and waits for the next; or ends it all when the pool is
   freed. */
static void poll_over(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lock_sync_changes *changes;
    lock_sync_status status = take(job, &changes);

    if (p->freeing) {
        end_watch(job);
        return;
    }
    rewind_job(job);
    if (status != LOCK_SYNC_E_TIMEOUT)
        tell(job, status, changes);
    lock_sync_changes_free(changes);
    if (job->watch != NULL)
        lsync_pool_sleep(job, job->watch->due_us);
    else
        lsync_free(&p->memory, job);
}

static void leave(lsync_watch_owner *owner)
{
    lsync_job *job = LSYNC_OF(owner, lsync_job, watch_owner);
    lock_sync_ctx *ctx = job->x.ctx;

    lsync_pool_take_out(job);
    lsync_ctx_finish(ctx);
}

lock_sync_status lock_sync_pool_watch(lock_sync_pool *pool, lock_sync_watch *watch, lock_sync_watch_fn changed,
                                      void *user)
{
    lock_sync_status status;
    lsync_job *job;

    if (watch == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (watch->owner != NULL)
        return LOCK_SYNC_E_BUSY;
    status = lsync_pool_enter(pool, watch->ctx, watch->ids, watch->n, changed == NULL ? "changed is NULL" : NULL, &job);
    if (job == NULL)
        return status;
    watch->owner = &job->watch_owner;
    job->watch_owner.leave = leave;
    job->over = poll_over;
    job->watch = watch;
    job->changed = changed;
    job->user = user;
    lsync_pool_sleep(job, watch->due_us);
    lsync_pool_wake(pool);
    return LOCK_SYNC_OK;
}
