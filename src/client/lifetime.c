/* Makes and frees contexts. */
#include "client/context.h"
#include "client/settings.h"
#include "base/memory.h"

#include <string.h>
#include <time.h>

static bool init_cancel(lock_sync_ctx *ctx)
{
    pthread_condattr_t attributes;
    bool made;

    if (pthread_mutex_init(&ctx->cancel_mutex, NULL) != 0)
        return false;
    made = pthread_condattr_init(&attributes) == 0;
    if (made) {
        made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&ctx->cancel_condition, &attributes) == 0;
        (void)pthread_condattr_destroy(&attributes);
    }
    if (!made)
        (void)pthread_mutex_destroy(&ctx->cancel_mutex);
    atomic_init(&ctx->running, false);
    atomic_init(&ctx->cancelled, false);
    atomic_init(&ctx->stopped, false);
    atomic_init(&ctx->lent, false);
    return made;
}

lock_sync_status lock_sync_ctx_new(lock_sync_ctx **out)
{
    return lock_sync_ctx_new_with_allocator(NULL, out);
}

lock_sync_status lock_sync_ctx_new_with_allocator(const lock_sync_allocator *allocator, lock_sync_ctx **out)
{
    lock_sync_allocator memory;
    lock_sync_ctx *ctx;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (!lsync_allocator_init(&memory, allocator))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    ctx = lsync_alloc(&memory, sizeof *ctx);
    if (ctx == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(ctx, 0, sizeof *ctx);
    ctx->memory = memory;
    if (!init_cancel(ctx)) {
        lsync_free(&memory, ctx);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    lsync_error_init(&ctx->error, &ctx->memory);
    lsync_settings_init(ctx);
    /* Makes the guard now. In the first fetch it would be allocated between blocks that live for one fetch, and each
       context would leave a hole in the heap. */
    if (lsync_need_guard(ctx) != LOCK_SYNC_OK) {
        lock_sync_ctx_free(ctx);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    *out = ctx;
    return LOCK_SYNC_OK;
}

void lock_sync_ctx_free(lock_sync_ctx *ctx)
{
    if (ctx == NULL || ctx->being_freed) /* called again by a callback of the fetch that this function ends */
        return;
    ctx->being_freed = true;
    if (ctx->owner != NULL)
        ctx->owner->functions->drop(ctx->owner); /* calls the application's callback */
    lsync_ctx_drop_transport(ctx);
    lsync_ctx_drop_cache(ctx);
    lock_sync_guard_unref(ctx->guard);
    lsync_settings_release(ctx);
    lsync_error_clear(&ctx->error);
    (void)pthread_cond_destroy(&ctx->cancel_condition);
    (void)pthread_mutex_destroy(&ctx->cancel_mutex);
    lsync_free(&ctx->memory, ctx);
}
