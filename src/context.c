/* The front door: a context's lifetime, its last error, and the pure middle's functions that begin at a context. */
#include "context.h"
#include "admission.h"
#include "base/clock.h"
#include "base/memory.h"
#include "wire/decode.h"

#include <string.h>
#include <time.h>

const char *lock_sync_version(void)
{
    return LSYNC_VERSION;
}

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
    ctx->spares.memory = &ctx->memory;
    if (!init_cancel(ctx)) {
        lsync_free(&memory, ctx);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    lsync_error_init(&ctx->error, &ctx->memory);
    lsync_settings_init(ctx);
    /* now, not in the first fetch: there it would come to lie among blocks that live for one fetch, and leave a hole in
       the heap for each context */
    if (lsync_need_guard(ctx) != LOCK_SYNC_OK) {
        lock_sync_ctx_free(ctx);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    *out = ctx;
    return LOCK_SYNC_OK;
}

void lock_sync_ctx_free(lock_sync_ctx *ctx)
{
    if (ctx == NULL || ctx->being_freed) /* by a callback that its own end called */
        return;
    ctx->being_freed = true;
    if (ctx->job != NULL)
        lsync_pool_drop(ctx->job); /* calls back */
    lsync_ctx_drop_transport(ctx);
    lsync_ctx_drop_cache(ctx);
    lsync_spares_release(&ctx->spares);
    lock_sync_guard_unref(ctx->guard);
    lsync_settings_release(ctx);
    lsync_error_clear(&ctx->error);
    (void)pthread_cond_destroy(&ctx->cancel_condition);
    (void)pthread_mutex_destroy(&ctx->cancel_mutex);
    lsync_free(&ctx->memory, ctx);
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

lock_sync_status lsync_ctx_refuse(lock_sync_ctx *ctx, const char *why)
{
    lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "%s", why);
    return LOCK_SYNC_E_INVALID_ARGUMENT; /* said here, where analyzers see it */
}

lock_sync_status lsync_ctx_cancelled(lock_sync_ctx *ctx)
{
    return lsync_ctx_fail(ctx, LOCK_SYNC_E_CANCELLED);
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

/* For a function that makes something: E_INVALID_ARGUMENT, with the error set, also when there is no `out` for it. */
static lock_sync_status check_out(lock_sync_ctx *ctx, bool has_out)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    return status != LOCK_SYNC_OK || has_out ? status : lsync_ctx_refuse(ctx, "out is NULL");
}

static lock_sync_status build(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single, lock_sync_request **out)
{
    lsync_spares none = {0};
    lock_sync_status status;

    if (out != NULL)
        *out = NULL;
    status = check_out(ctx, out != NULL);
    if (status == LOCK_SYNC_OK)
        status = lsync_request_check_ids(ids, n, &ctx->error);
    if (status != LOCK_SYNC_OK)
        return status;
    none.memory = &ctx->memory;
    return lsync_ctx_end(ctx, lsync_ctx_request(ctx, ids, n, single, &none, out));
}

lock_sync_status lock_sync_request_build(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_request **out)
{
    return build(ctx, ids, n, false, out);
}

lock_sync_status lock_sync_request_build_one(lock_sync_ctx *ctx, int64_t id, lock_sync_request **out)
{
    return build(ctx, &id, 1, true, out);
}

lock_sync_status lock_sync_response_new(lock_sync_ctx *ctx, lock_sync_response **out)
{
    lock_sync_status status;

    if (out != NULL)
        *out = NULL;
    status = check_out(ctx, out != NULL);
    if (status != LOCK_SYNC_OK)
        return status;
    *out = lsync_alloc(&ctx->memory, sizeof **out);
    if (*out == NULL)
        return lsync_error_no_memory(&ctx->error);
    lsync_response_init(*out, &ctx->memory, ctx->max_response_bytes, lsync_clock_unix_ms());
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_response_decode(lock_sync_ctx *ctx, const lock_sync_request *q, const lock_sync_response *s,
                                           lock_sync_results **results)
{
    lock_sync_status status;

    if (results != NULL)
        *results = NULL;
    status = lsync_ctx_check(ctx);
    if (status != LOCK_SYNC_OK)
        return status;
    if (q == NULL || s == NULL || results == NULL)
        return lsync_ctx_refuse(ctx, q == NULL   ? "the request is NULL"
                                     : s == NULL ? "the response is NULL"
                                                 : "results is NULL");
    if (s->http_status == 0 && s->failed == LOCK_SYNC_OK)
        return lsync_ctx_refuse(ctx, "the response has no HTTP status");
    return lsync_ctx_end(ctx, lsync_decode(&ctx->memory, q, s, &q->scope, &ctx->error, results));
}

void lsync_ctx_drop_transport(lock_sync_ctx *ctx)
{
    lock_sync_transport gone = ctx->transport;

    memset(&ctx->transport, 0, sizeof ctx->transport); /* first: it is destroyed once, whatever `destroy` does */
    if (gone.perform != NULL && gone.destroy != NULL)
        gone.destroy(gone.user);
}

lock_sync_status lock_sync_set_transport(lock_sync_ctx *ctx, const lock_sync_transport *transport)
{
    lock_sync_status status = lsync_ctx_check(ctx);
    lock_sync_transport copy = {0};

    if (status != LOCK_SYNC_OK)
        return status;
    if (atomic_load(&ctx->lent)) /* the pool's watch goes on with libcurl */
        return LOCK_SYNC_E_BUSY;
    if (transport != NULL) {
        /* a shorter struct is one of an older header: what it lacks is not there */
        if (transport->struct_size < offsetof(lock_sync_transport, cancel))
            return lsync_ctx_refuse(ctx, "the transport's struct_size is too small");
        if (transport->perform == NULL)
            return lsync_ctx_refuse(ctx, "the transport's perform is NULL");
        lsync_copy_struct(&copy, sizeof copy, transport, transport->struct_size);
    }
    lsync_ctx_drop_transport(ctx);
    ctx->transport = copy;
    ctx->has_own_transport = transport != NULL;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}
