/* Watches in a pool: each is a job that sleeps between two polls and keeps its context busy. */
#include "pool/job.h"
#include "pool/transition.h"
#include "pool/submit.h"

/* Lends the context to a callback, which may change its settings. A cancel has no effect while the context is lent. */
static void lend(lock_sync_ctx *ctx)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    atomic_store(&ctx->lent, true);
    atomic_store(&ctx->cancelled, false);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

/* Ends the loan. If the context is stopped, the watch pauses if it has reported that, and else must report it. */
static void end_loan(lsync_job *job, bool reported_stop)
{
    lock_sync_ctx *ctx = job->x.ctx;

    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    atomic_store(&ctx->lent, false);
    job->is_paused = reported_stop && atomic_load(&ctx->stopped);
    atomic_store(&ctx->cancelled, !job->is_paused && atomic_load(&ctx->stopped));
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

/* Calls back, with the context lent to the callback. If the callback frees the watch, job->watch is NULL afterwards. */
static void notify(lsync_job *job, lock_sync_status status, lock_sync_changes *changes)
{
    lock_sync_watch *w = job->watch;
    bool reports_stop = status == LOCK_SYNC_E_CANCELLED && atomic_load(&job->x.ctx->stopped);

    lend(job->x.ctx);
    lsync_pool_forget_notice(job);
    lsync_job_move(job, LSYNC_JOB_IN_CALLBACK, 0);
    (void)lsync_ctx_end(job->x.ctx, status);
    job->callback.changed(job->callback.user, w, status, changes);
    if (job->watch != NULL)
        end_loan(job, reports_stop);
}

/* Puts the job to sleep until the next poll, or until its context is no longer stopped. */
static void rest(lsync_job *job)
{
    lsync_pool_sleep(job, job->is_paused ? LSYNC_NEVER_US : job->watch->due_us);
    if (atomic_load(&job->x.ctx->cancelled)) /* stopped before the watch began, or in the callback */
        lsync_pool_abort(job);
}

/* Takes the watch out of a pool that is being freed, and calls back. */
static void end_watch(lsync_job *job)
{
    lock_sync_watch *w = job->watch;

    w->owner = NULL;
    lsync_pool_detach(job);
    lsync_ctx_finish(job->x.ctx);
    job->callback.changed(job->callback.user, w, job->x.fetch.status, NULL);
    lsync_free(&job->pool->memory, job);
}

/* Reports the end of a poll to the watch. Returns the same as lsync_watch_take. */
static lock_sync_status take(lsync_job *job, lock_sync_changes **changes)
{
    lock_sync_status status;

    *changes = NULL;
    if (job->cancelled_between_polls) /* no poll has ended */
        return job->x.fetch.status;
    if (job->pool->freeing)
        lsync_watch_cancel(job->watch);
    status = lsync_watch_take(job->watch, changes);
    if (status == LOCK_SYNC_E_TIMEOUT && atomic_load(&job->x.ctx->cancelled))
        status = lsync_ctx_cancelled(job->x.ctx); /* the cancel came after the poll: it ends the wait for the next */
    return status;
}

/* Ends a poll: notifies the application if there is something new, and puts the job to sleep until the next poll. */
static void poll_over(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lock_sync_changes *changes;
    lock_sync_status status = take(job, &changes);

    if (p->freeing) {
        end_watch(job);
        return;
    }
    job->cancelled_between_polls = false;
    if (status != LOCK_SYNC_E_TIMEOUT)
        notify(job, status, changes);
    lock_sync_changes_free(changes);
    if (job->watch != NULL)
        rest(job);
    else
        lsync_free(&p->memory, job);
}

static void leave(lsync_watch_owner *owner)
{
    lsync_job *job = LSYNC_OF(owner, lsync_job, watch_owner);
    lock_sync_ctx *ctx = job->x.ctx;

    lsync_pool_remove_job(job);
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
    status = lsync_pool_new_job(pool, watch->ctx, NULL, 0, changed == NULL ? "changed is NULL" : NULL, &job);
    if (job == NULL)
        return status;
    watch->owner = &job->watch_owner;
    job->watch_owner.leave = leave;
    job->finish = poll_over;
    job->watch = watch;
    job->callback = (lsync_callback){.changed = changed, .user = user};
    rest(job);
    lsync_pool_wake(pool);
    return LOCK_SYNC_OK;
}
