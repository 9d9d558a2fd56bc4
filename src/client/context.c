/* The internals of a context; see context.h. */
#include "client/context.h"
#include "base/memory.h"

#include <string.h>

const char *lock_sync_version(void)
{
    return LSYNC_VERSION;
}

const lock_sync_error *lock_sync_last_error(const lock_sync_ctx *ctx)
{
    return ctx == NULL ? NULL : &ctx->error;
}

lock_sync_status lsync_ctx_check(const lock_sync_ctx *ctx)
{
    if (ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    return atomic_load(&ctx->running) && !atomic_load(&ctx->lent) ? LOCK_SYNC_E_BUSY : LOCK_SYNC_OK;
}

lock_sync_status lsync_ctx_fail(lock_sync_ctx *ctx, lock_sync_status status)
{
    lsync_error_clear(&ctx->error);
    ctx->error.status = status;
    return status;
}

lock_sync_status lsync_ctx_reject(lock_sync_ctx *ctx, const char *why)
{
    lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "%s", why);
    return LOCK_SYNC_E_INVALID_ARGUMENT; /* a constant, so that analyzers know the value */
}

lock_sync_status lsync_ctx_check_out(lock_sync_ctx *ctx, bool has_out)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    return status != LOCK_SYNC_OK || has_out ? status : lsync_ctx_reject(ctx, "out is NULL");
}

lock_sync_status lsync_ctx_cancelled(lock_sync_ctx *ctx)
{
    if (!atomic_load(&ctx->stopped))
        return lsync_ctx_fail(ctx, LOCK_SYNC_E_CANCELLED);
    return lsync_error_set(&ctx->error, LOCK_SYNC_E_CANCELLED, "the context is stopped (lock_sync_set_stopped)");
}

lock_sync_status lsync_ctx_timed_out(lock_sync_ctx *ctx)
{
    return lsync_error_set(&ctx->error, LOCK_SYNC_E_TIMEOUT, "the deadline of the whole fetch passed");
}

lock_sync_status lsync_ctx_end(lock_sync_ctx *ctx, lock_sync_status status)
{
    if (status == LOCK_SYNC_OK)
        lsync_error_clear(&ctx->error);
    return status;
}

void lsync_ctx_drop_transport(lock_sync_ctx *ctx)
{
    lock_sync_transport gone = ctx->transport;

    memset(&ctx->transport, 0, sizeof ctx->transport); /* first, so that `destroy` cannot cause a second call of it */
    if (gone.perform != NULL && gone.destroy != NULL)
        gone.destroy(gone.user);
}

void lsync_ctx_drop_cache(lock_sync_ctx *ctx)
{
    lock_sync_results_free(ctx->cache);
    ctx->cache = NULL;
}

/* --- a running fetch --- */

bool lsync_ctx_begin(lock_sync_ctx *ctx)
{
    if (atomic_exchange(&ctx->running, true))
        return false;
    if (atomic_load(&ctx->stopped)) /* after `running` is set: a stop that comes now cancels the fetch itself */
        atomic_store(&ctx->cancelled, true);
    return true;
}

void lsync_ctx_finish(lock_sync_ctx *ctx)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    ctx->owner = NULL;
    atomic_store(&ctx->lent, false);
    atomic_store(&ctx->cancelled, false);
    atomic_store(&ctx->running, false);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

/* Ends the running fetch, if there is one. The mutex is locked. */
static void cancel(lock_sync_ctx *ctx)
{
    if (!atomic_load(&ctx->running) || atomic_load(&ctx->lent))
        return;
    atomic_store(&ctx->cancelled, true);
    (void)pthread_cond_signal(&ctx->cancel_condition);
    if (ctx->owner != NULL)
        ctx->owner->functions->notice(ctx->owner);
    else if (ctx->transport.cancel != NULL)
        ctx->transport.cancel(ctx->transport.user);
}

void lock_sync_cancel(lock_sync_ctx *ctx)
{
    if (ctx == NULL)
        return;
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    cancel(ctx);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

lock_sync_status lock_sync_set_stopped(lock_sync_ctx *ctx, bool stopped)
{
    if (ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    if (atomic_exchange(&ctx->stopped, stopped) != stopped) {
        if (stopped)
            cancel(ctx);
        else if (ctx->owner != NULL)
            ctx->owner->functions->notice(ctx->owner); /* a watch may sleep until now */
    }
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
    return LOCK_SYNC_OK;
}
