/* The blocking fetch: drives the state machine of fetch.h to its end, and waits when a state says so. */
#include "client/blocking.h"
#include "base/clock.h"
#include "base/duration.h"
#include "client/kept.h"
#include "client/settings.h"
#include "client/steps.h"
#include "transport/transport.h"

#include <inttypes.h>
#include <time.h>

/* Makes the built-in transport if the context has no transport yet. lock_sync_cancel() takes the same mutex. */
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

void lsync_sleep_or_cancel(lock_sync_ctx *ctx, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* the condition's clock */
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    while (!atomic_load(&ctx->cancelled) &&
           pthread_cond_timedwait(&ctx->cancel_condition, &ctx->cancel_mutex, &until) == 0)
        continue;
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

static lock_sync_status check(lsync_run *x)
{
    lock_sync_status status = lsync_step_check(x);

    return status == LOCK_SYNC_OK ? need_transport(x->ctx) : status;
}

/* Sends one request and handles its response. */
static lsync_fetch_input send_request(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status = lsync_step_prepare(x);

    if (status == LOCK_SYNC_OK)
        status = lsync_step_conclude(x, ctx->transport.perform(ctx->transport.user, x->q, x->s));
    return (lsync_fetch_input){.status = status, .has_more = x->has_more};
}

static void wait_until(lock_sync_ctx *ctx, int64_t at_us)
{
    int64_t ms = lsync_clock_ms_up(at_us - lsync_clock_boot_us());
    char wait[LSYNC_DURATION_SIZE];

    lsync_duration_text(ms, wait);
    lsync_log(&ctx->logger, LOCK_SYNC_LOG_DEBUG, "waiting %s for the guard", wait);
    if (ms > 0)
        lsync_sleep_or_cancel(ctx, ms);
}

/* Carries out the step of the state. */
static lsync_fetch_input step(lsync_run *x)
{
    switch (x->fetch.state) {
    case LSYNC_FETCH_CHECK: return (lsync_fetch_input){.status = check(x)};
    case LSYNC_FETCH_WAITING: wait_until(x->ctx, x->fetch.at_us); return (lsync_fetch_input){.status = LOCK_SYNC_OK};
    case LSYNC_FETCH_KEPT: return (lsync_fetch_input){.status = lsync_kept_get(x->ctx, &x->query, &x->results)};
    case LSYNC_FETCH_CREDENTIAL: return (lsync_fetch_input){.status = lsync_step_credential(x)};
    case LSYNC_FETCH_SENDING: return send_request(x);
    case LSYNC_FETCH_RENEWING: return (lsync_fetch_input){.status = lsync_step_renew(x)};
    case LSYNC_FETCH_ASKING:
    case LSYNC_FETCH_EXTENDING:
    case LSYNC_FETCH_SETTLING:
    case LSYNC_FETCH_DONE:
    default: return lsync_step_guard_done(x, lsync_step_guard(x, x->ctx->guard));
    }
}

/* Does the step, or ends a cancelled fetch. A step that has begun sees the cancel itself. */
static lsync_fetch_input step_or_stop(lsync_run *x)
{
    lsync_fetch_input in;

    if (!atomic_load(&x->ctx->cancelled) || x->fetch.state == LSYNC_FETCH_SETTLING)
        return step(x);
    in = lsync_step_stop(x, LOCK_SYNC_E_CANCELLED);
    in.has_not_begun = true;
    lsync_error_clear(&x->unauthorized);
    return in;
}

static lock_sync_status run(lsync_run *x, bool is_poll, int64_t deadline_us)
{
    lock_sync_ctx *ctx = x->ctx;

    lsync_fetch_begin(&x->fetch, lsync_run_guard_mode(x), is_poll, ctx->provider != NULL, deadline_us);
    while (x->fetch.state != LSYNC_FETCH_DONE) {
        lsync_fetch_input in = step_or_stop(x);

        lsync_fetch_next(&x->fetch, &in);
    }
    return x->fetch.status;
}

void lsync_fetch_poll(lsync_run *x, int64_t deadline_us)
{
    (void)run(x, true, deadline_us);
}

/* Runs a fetch that the application called. `rejected`: why an argument is rejected; NULL. */
static lock_sync_status fetch_and_wait(lsync_run *x, const char *rejected)
{
    lock_sync_status status;

    if (x->ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (!lsync_ctx_begin(x->ctx))
        return LOCK_SYNC_E_BUSY;
    status = rejected == NULL ? run(x, false, lsync_deadline_us(x->ctx)) : lsync_ctx_reject(x->ctx, rejected);
    lsync_ctx_finish(x->ctx);
    return lsync_ctx_end(x->ctx, status);
}

static lock_sync_status fetch_states(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_results **results)
{
    lock_sync_response response;
    lsync_run x = {.ctx = ctx, .query = *query, .s = &response};
    lock_sync_status status = fetch_and_wait(&x, results == NULL ? "results is NULL" : NULL);

    if (results != NULL)
        *results = x.results;
    return status;
}

lock_sync_status lock_sync_fetch(lock_sync_ctx *ctx, const int64_t *ids, size_t count, lock_sync_results **results)
{
    return fetch_states(ctx, &(lsync_query){.ids = ids, .n = count}, results);
}

lock_sync_status lock_sync_fetch_one(lock_sync_ctx *ctx, int64_t id, lock_sync_results **results)
{
    return fetch_states(ctx, &(lsync_query){.ids = &id, .n = 1, .single = true}, results);
}

lock_sync_status lock_sync_fetch_directory(lock_sync_ctx *ctx, lock_sync_directory **directory)
{
    lock_sync_response response;
    lsync_run x = {.ctx = ctx, .query = {.page = 1}, .s = &response};
    lock_sync_status status = fetch_and_wait(&x, directory == NULL ? "directory is NULL" : NULL);

    if (status != LOCK_SYNC_OK)
        lsync_run_release(&x);
    if (directory != NULL)
        *directory = x.directory;
    return status;
}
