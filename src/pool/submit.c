/* How a job enters the pool, and how it is removed before its end; see submit.h. */
#include "base/clock.h"
#include "client/settings.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/transition.h"
#include "pool/submit.h"

#include <string.h>

/* --- removing --- */

void lsync_pool_remove_job(lsync_job *job)
{
    lock_sync_pool *p = job->pool;

    atomic_store(&job->x.ctx->cancelled, true);
    lsync_pool_abort(job);
    lsync_error_clear(&job->x.unauthorized); /* the error's text is in the context's memory */
    lsync_pool_detach(job);
    lsync_run_release(&job->x);
    if (job->state == LSYNC_JOB_DONE) {
        lsync_queue_remove(&job->link);
        lsync_free(&p->memory, job);
    } else if (job->state == LSYNC_JOB_IN_CALLBACK) {
        job->watch = NULL; /* the job is freed after the callback */
    } else {
        lsync_heap_remove(&p->timers, &job->timer);
        lsync_job_release(job);
        job->x.ctx = NULL; /* the job is on the helper thread, and is freed when its step is done */
    }
    lsync_pool_wake(p); /* another job may use the transfer */
}

/* Calls the callback of a fetch, with its results or its directory. */
static void call(const lsync_callback *callback, lock_sync_ctx *ctx, lock_sync_status status,
                 lock_sync_results *results, lock_sync_directory *directory)
{
    if (callback->directory != NULL)
        callback->directory(callback->user, ctx, status, directory);
    else
        callback->done(callback->user, ctx, status, results);
}

/* Ends a job whose context is being freed. The context stays busy so that the callback cannot begin a fetch with it. */
static void drop(lsync_owner *owner)
{
    lsync_job *job = LSYNC_OF(owner, lsync_job, owner);
    lock_sync_ctx *ctx = job->x.ctx;
    lock_sync_pool *p = job->pool;
    lsync_callback callback = job->callback;
    lock_sync_watch *w = job->watch;
    bool was_busy = p->busy, in_callback = job->state == LSYNC_JOB_IN_CALLBACK;
    lock_sync_status status;

    lsync_pool_remove_job(job);
    status = lsync_ctx_cancelled(ctx);
    if (w != NULL)
        w->owner = NULL;
    if (in_callback)
        return;
    p->busy = true;
    if (w != NULL)
        callback.changed(callback.user, w, status, NULL);
    else
        call(&callback, ctx, status, NULL, NULL);
    p->busy = was_busy;
    if (!was_busy && p->free_wanted)
        lock_sync_pool_free(p);
}

static const lsync_owner_functions owner_functions = {lsync_pool_notice, drop};

/* --- submitting --- */

static lock_sync_status check_submit(const lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n)
{
    lock_sync_status status = lsync_request_check_ids(ids, n, &ctx->error);

    if (status == LOCK_SYNC_OK)
        status = lsync_ctx_check_route(ctx);
    if (status == LOCK_SYNC_OK && ctx->has_own_transport)
        status = lsync_ctx_reject(ctx,
                                  "a pool cannot run a context with a transport of its own; use "
                                  "lock_sync_request_build and lock_sync_response_decode instead");
    if (status == LOCK_SYNC_OK && p->freeing)
        status = lsync_error_set(&ctx->error, LOCK_SYNC_E_CANCELLED, "the pool is being freed");
    return status;
}

static lsync_job *alloc_job(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n)
{
    size_t size;
    lsync_job *job;

    if (!lsync_size_mul(n, sizeof ids[0], &size) || !lsync_size_add(size, sizeof *job, &size) ||
        !lsync_heap_reserve(&p->timers, &p->memory, p->pending + 1))
        return NULL;
    job = lsync_alloc(&p->memory, size);
    if (job == NULL)
        return NULL;
    memset(job, 0, sizeof *job);
    job->owner.functions = &owner_functions;
    job->pool = p;
    job->timer.index = LSYNC_NOT_IN_HEAP;
    job->x.ctx = ctx;
    if (n > 0) {
        memcpy(job->ids, ids, n * sizeof ids[0]);
        job->x.query.ids = job->ids;
        job->x.query.n = n;
    }
    return job;
}

lock_sync_status lsync_pool_new_job(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                    const char *missing, lsync_job **out)
{
    lock_sync_status status = lsync_ctx_check(ctx);
    lsync_job *job = NULL;

    *out = NULL;
    if (status != LOCK_SYNC_OK)
        return status;
    if (p == NULL || missing != NULL)
        return lsync_ctx_reject(ctx, p == NULL ? "pool is NULL" : missing);
    if (!lsync_ctx_begin(ctx))
        return LOCK_SYNC_E_BUSY;
    status = check_submit(p, ctx, ids, n);
    if (status == LOCK_SYNC_OK) {
        job = alloc_job(p, ctx, ids, n);
        if (job == NULL)
            status = lsync_error_no_memory(&ctx->error);
    }
    if (job == NULL) {
        lsync_ctx_finish(ctx);
        return status;
    }
    p->pending++;
    lsync_pool_set_owner(ctx, &job->owner);
    *out = job;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* Calls back for a fetch that is DONE, and frees its job. Does not use the context afterwards, because the callback may
   free it. */
static void call_back(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lock_sync_ctx *ctx = job->x.ctx;

    lsync_pool_detach(job);
    lsync_ctx_finish(ctx);
    (void)lsync_ctx_end(ctx, job->x.fetch.status);
    if (job->x.fetch.status != LOCK_SYNC_OK)
        lsync_run_release(&job->x);
    call(&job->callback, ctx, job->x.fetch.status, job->x.results, job->x.directory);
    lsync_free(&p->memory, job);
}

/* Begins the fetch of a job that is in the pool. */
static void begin(lsync_job *job, const lsync_callback *callback)
{
    job->finish = call_back;
    job->callback = *callback;
    lsync_pool_begin_fetch(job, lsync_deadline_us(job->x.ctx));
    lsync_pool_heed(job); /* the context may be stopped */
    lsync_pool_wake(job->pool);
}

lock_sync_status lock_sync_pool_submit(lock_sync_pool *pool, lock_sync_ctx *ctx, const int64_t *ids, size_t count,
                                       lock_sync_done_fn done, void *user)
{
    lsync_job *job;
    lock_sync_status status = lsync_pool_new_job(pool, ctx, ids, count, done == NULL ? "done is NULL" : NULL, &job);

    if (job != NULL)
        begin(job, &(lsync_callback){.done = done, .user = user});
    return status;
}

lock_sync_status lock_sync_pool_submit_directory(lock_sync_pool *pool, lock_sync_ctx *ctx, lock_sync_directory_fn done,
                                                 void *user)
{
    lsync_job *job;
    lock_sync_status status = lsync_pool_new_job(pool, ctx, NULL, 0, done == NULL ? "done is NULL" : NULL, &job);

    if (job != NULL) {
        job->x.query.page = 1;
        begin(job, &(lsync_callback){.directory = done, .user = user});
    }
    return status;
}
