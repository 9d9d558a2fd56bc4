/* One blocking fetch from start to end: guard -> credential -> request -> transport -> response -> results. */
#include "admission.h"
#include "base/clock.h"
#include "context.h"
#include "exchange.h"
#include "fetch.h"
#include "transport/transport.h"

bool lsync_ctx_begin(lock_sync_ctx *ctx)
{
    return !atomic_exchange(&ctx->running, true);
}

void lsync_ctx_finish(lock_sync_ctx *ctx)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    ctx->job = NULL;
    atomic_store(&ctx->lent, false);
    atomic_store(&ctx->cancelled, false);
    atomic_store(&ctx->running, false);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

void lock_sync_cancel(lock_sync_ctx *ctx)
{
    if (ctx == NULL)
        return;
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    if (atomic_load(&ctx->running) && !atomic_load(&ctx->lent)) {
        atomic_store(&ctx->cancelled, true);
        (void)pthread_cond_signal(&ctx->cancel_condition);
        if (ctx->job != NULL)
            lsync_pool_notice_cancel(ctx->job);
        else if (ctx->transport.cancel != NULL)
            ctx->transport.cancel(ctx->transport.user);
    }
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

/* The built-in transport is made by the first fetch that needs it, under the mutex that lock_sync_cancel() takes. */
static lock_sync_status need_transport(lock_sync_ctx *ctx)
{
    lock_sync_transport made;
    lock_sync_status status;

    if (ctx->transport.perform != NULL)
        return LOCK_SYNC_OK;
    status = lsync_transport_new(&ctx->memory, &made);
    if (status != LOCK_SYNC_OK)
        return lsync_ctx_fail(ctx, status);
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    ctx->transport = made;
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
    return LOCK_SYNC_OK;
}

/* One request and its answer. */
static lock_sync_status exchange(lsync_exchange *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status = lsync_exchange_prepare(x, &ctx->spares);

    if (status == LOCK_SYNC_OK)
        status = lsync_exchange_conclude(x, ctx->transport.perform(ctx->transport.user, x->q, x->s), &ctx->spares);
    return status;
}

/* After a 401: once more with a new credential, if there is one to be had and the guard has room. */
static lock_sync_status retry_with_new_credential(lsync_exchange *x, int64_t slot)
{
    lock_sync_error refusal;
    lock_sync_status status = lsync_exchange_refused(x, &refusal);

    if (status != LOCK_SYNC_OK)
        return status;
    status = lsync_admit_retry(x->ctx, x->deadline_us, slot, &x->settlement);
    if (status != LOCK_SYNC_OK)
        return lsync_exchange_not_repeated(x, &refusal, status);
    lsync_error_clear(&refusal);
    return exchange(x);
}

/* What is done before the guard is asked. */
static lock_sync_status get_ready(lsync_exchange *x)
{
    lock_sync_status status;

    x->deadline_us = lsync_clock_boot_us() + x->ctx->timeout_ms * 1000;
    status = lsync_exchange_check(x);
    return status == LOCK_SYNC_OK ? need_transport(x->ctx) : status;
}

/* What is done in a slot of the guard (0: none), which is settled when all is over. */
static lock_sync_status run_in_slot(lsync_exchange *x, int64_t slot)
{
    lock_sync_status status;

    x->settlement = (lsync_settlement){LOCK_SYNC_SLOT_NOT_SENT, -1, 0};
    status = lsync_exchange_credential(x);
    if (status == LOCK_SYNC_OK) {
        status = exchange(x);
        if (status == LOCK_SYNC_E_UNAUTHORIZED && x->ctx->provider != NULL)
            status = retry_with_new_credential(x, slot);
    }
    lsync_settle(x->ctx, slot, &x->settlement);
    return status;
}

static lock_sync_status run(lsync_exchange *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status = get_ready(x);
    int64_t slot;

    if (status != LOCK_SYNC_OK)
        return status;
    status = lsync_admit(ctx, x->deadline_us, &slot);
    if (status == LOCK_SYNC_E_TOO_SOON && ctx->guard_mode == LOCK_SYNC_GUARD_CACHED)
        return lsync_cached_answer(ctx, x->ids, x->n, x->single, &x->results);
    return status == LOCK_SYNC_OK ? run_in_slot(x, slot) : status;
}

lock_sync_status lsync_fetch_poll(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_results **results,
                                  int64_t *again_ms)
{
    lock_sync_response response;
    lsync_exchange x = {.ctx = ctx, .ids = ids, .n = n, .s = &response};
    lsync_guard_answer answer;
    lock_sync_status status;

    *again_ms = -1;
    status = get_ready(&x);
    if (status != LOCK_SYNC_OK)
        return status;
    status = lsync_ask(ctx, x.deadline_us, &answer);
    if (status == LOCK_SYNC_E_TOO_SOON)
        *again_ms = answer.soonest_ms;
    if (status != LOCK_SYNC_OK)
        return status;
    status = run_in_slot(&x, answer.slot);
    *results = x.results;
    return status;
}

static lock_sync_status fetch_and_wait(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                       lock_sync_results **results)
{
    lock_sync_response response;
    lsync_exchange x = {.ctx = ctx, .ids = ids, .n = n, .single = single, .s = &response};
    lock_sync_status status;

    if (results != NULL)
        *results = NULL;
    if (ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (!lsync_ctx_begin(ctx))
        return LOCK_SYNC_E_BUSY;
    if (results == NULL) {
        status = lsync_ctx_refuse(ctx, "results is NULL");
    } else {
        status = run(&x);
        *results = x.results;
    }
    lsync_ctx_finish(ctx);
    return lsync_ctx_end(ctx, status);
}

lock_sync_status lock_sync_fetch(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_results **results)
{
    return fetch_and_wait(ctx, ids, n, false, results);
}

lock_sync_status lock_sync_fetch_one(lock_sync_ctx *ctx, int64_t id, lock_sync_results **results)
{
    return fetch_and_wait(ctx, &id, 1, true, results);
}
