/* One blocking fetch from start to end: credential -> request -> transport -> response -> results. */
#include "base/clock.h"
#include "context.h"
#include "transport/transport.h"
#include "wire/decode.h"

#include <inttypes.h>
#include <string.h>

/* What the steps of a fetch share. */
typedef struct fetch {
    lock_sync_ctx *ctx;
    const int64_t *ids;
    size_t n;
    bool single;
    int64_t deadline_us;
    lock_sync_results **results;
} fetch;

static bool begin(lock_sync_ctx *ctx)
{
    return !atomic_exchange(&ctx->running, true);
}

static void end(lock_sync_ctx *ctx)
{
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    atomic_store(&ctx->cancelled, false);
    atomic_store(&ctx->running, false);
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
}

void lock_sync_cancel(lock_sync_ctx *ctx)
{
    if (ctx == NULL)
        return;
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    if (atomic_load(&ctx->running)) {
        atomic_store(&ctx->cancelled, true);
        if (ctx->transport.cancel != NULL)
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
        return lsync_error_set(&ctx->error, status, "%s", lock_sync_status_message(status));
    (void)pthread_mutex_lock(&ctx->cancel_mutex);
    ctx->transport = made;
    (void)pthread_mutex_unlock(&ctx->cancel_mutex);
    return LOCK_SYNC_OK;
}

/* What a transport may return; anything else is a fault of its own. */
static lock_sync_status judge(const lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_response *s)
{
    if (status != LOCK_SYNC_OK && atomic_load(&ctx->cancelled))
        return LOCK_SYNC_E_CANCELLED;
    if (s->failed != LOCK_SYNC_OK)
        return s->failed;
    if (status == LOCK_SYNC_OK && s->http_status != 0)
        return LOCK_SYNC_OK;
    if (status == LOCK_SYNC_E_NO_MEMORY || (status >= LOCK_SYNC_E_CANCELLED && status <= LOCK_SYNC_E_TOO_LARGE) ||
        (status == LOCK_SYNC_E_MALFORMED && s->failure[0] != '\0')) /* our own transport sees broken HTTP too */
        return status;
    return LOCK_SYNC_E_NETWORK;
}

static lock_sync_status fail_transport(lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_response *s)
{
    const char *sentence = lock_sync_status_message(status);

    if (s->failure[0] != '\0')
        return lsync_error_set(&ctx->error, status, "%s (%s)", sentence, s->failure);
    return lsync_error_set(&ctx->error, status, "%s", sentence);
}

static void log_outcome(const fetch *f, const lock_sync_request *q, const lock_sync_response *s,
                        lock_sync_status status, int64_t started_us)
{
    const lock_sync_ctx *ctx = f->ctx;
    const char *id = status == LOCK_SYNC_OK ? s->correlation_id : ctx->error.correlation_id;
    int64_t ms = (lsync_clock_monotonic_us() - started_us) / 1000;

    lsync_log(&ctx->logger, status == LOCK_SYNC_OK ? LOCK_SYNC_LOG_INFO : LOCK_SYNC_LOG_WARNING,
              "GET %s: %s, HTTP status %" PRId32 ", %zu bytes, %" PRId64 " ms, correlation id %s%s%s", q->url,
              lock_sync_status_name(status), s->http_status, s->body.size, ms, id == NULL || *id == '\0' ? "none" : id,
              status == LOCK_SYNC_OK ? "" : ": ", status == LOCK_SYNC_OK ? "" : lock_sync_error_message(&ctx->error));
}

/* One request and its answer. */
static lock_sync_status exchange(const fetch *f)
{
    lock_sync_ctx *ctx = f->ctx;
    int64_t started_us = lsync_clock_monotonic_us();
    int64_t left_ms = (f->deadline_us - started_us + 999) / 1000;
    lock_sync_response s;
    lock_sync_request *q;
    lock_sync_status status;

    if (left_ms <= 0)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_TIMEOUT, "the deadline of the whole fetch passed");
    status = lsync_ctx_request(ctx, f->ids, f->n, f->single, lsync_clock_unix_ms(), &q);
    if (status != LOCK_SYNC_OK)
        return status;
    q->timeout_ms = left_ms;
    q->connect_timeout_ms = left_ms < ctx->connect_timeout_ms ? left_ms : ctx->connect_timeout_ms;
    q->route = &ctx->route;
    q->cancelled = &ctx->cancelled;
    lsync_response_init(&s, &ctx->memory, ctx->max_response_bytes, 0);

    status = atomic_load(&ctx->cancelled) ? LOCK_SYNC_E_CANCELLED
                                          : ctx->transport.perform(ctx->transport.user, q, &s);
    s.received_at_ms = lsync_clock_unix_ms();
    status = judge(ctx, status, &s);
    if (status == LOCK_SYNC_OK || status == s.failed)
        status = lsync_decode(&ctx->memory, q, &s, &ctx->error, f->results);
    else
        status = fail_transport(ctx, status, &s);
    log_outcome(f, q, &s, status, started_us);
    lsync_response_release(&s);
    lock_sync_request_free(q);
    return status;
}

/* Asks the provider for a credential. `set`: whether it did set one. */
static lock_sync_status ask_provider(lock_sync_ctx *ctx, bool refused, bool *set)
{
    uint32_t version = ctx->credential_version;
    lock_sync_status status;

    ctx->in_provider = true;
    status = ctx->provider(ctx->provider_user, ctx, refused);
    ctx->in_provider = false;
    *set = ctx->credential_version != version;
    lsync_log(&ctx->logger, LOCK_SYNC_LOG_DEBUG, "token provider: %s, %s", lock_sync_status_name(status),
              *set ? "a credential was set" : "no credential was set");
    return status;
}

static lock_sync_status fail_provider(lock_sync_ctx *ctx, lock_sync_status status, int32_t http_status)
{
    lsync_error_set(&ctx->error, status, "the token provider set no credential: %s", lock_sync_status_message(status));
    ctx->error.http_status = http_status;
    return status;
}

static lock_sync_status need_credential(lock_sync_ctx *ctx)
{
    lock_sync_status status;
    bool set;

    if (ctx->provider == NULL || lsync_ctx_has_credential(ctx, lsync_clock_unix_ms()))
        return LOCK_SYNC_OK; /* without a provider the making of the request says what is missing */
    status = ask_provider(ctx, false, &set);
    return status == LOCK_SYNC_OK ? LOCK_SYNC_OK : fail_provider(ctx, status, 0);
}

/* After a 401: once more with a new credential, if there is one to be had. */
static lock_sync_status repeat_with_new_credential(const fetch *f)
{
    lock_sync_ctx *ctx = f->ctx;
    lock_sync_status status;
    bool set;

    status = ask_provider(ctx, true, &set);
    if (status != LOCK_SYNC_OK)
        return fail_provider(ctx, status, 401);
    if (!set) {
        lsync_error_set(&ctx->error, LOCK_SYNC_E_UNAUTHORIZED, "%s The token provider set no other.",
                        lock_sync_status_message(LOCK_SYNC_E_UNAUTHORIZED));
        ctx->error.http_status = 401;
        return LOCK_SYNC_E_UNAUTHORIZED;
    }
    return exchange(f);
}

static lock_sync_status run(const fetch *f)
{
    lock_sync_status status = lsync_request_check_ids(f->ids, f->n, &f->ctx->error);

    if (status == LOCK_SYNC_OK)
        status = need_transport(f->ctx);
    if (status == LOCK_SYNC_OK)
        status = need_credential(f->ctx);
    if (status == LOCK_SYNC_OK)
        status = exchange(f);
    if (status == LOCK_SYNC_E_UNAUTHORIZED && f->ctx->provider != NULL)
        status = repeat_with_new_credential(f);
    return status;
}

static lock_sync_status fetch_and_wait(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                       lock_sync_results **results)
{
    lock_sync_status status;
    fetch f = {ctx, ids, n, single, 0, results};

    if (results != NULL)
        *results = NULL;
    if (ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (!begin(ctx))
        return LOCK_SYNC_E_BUSY;
    f.deadline_us = lsync_clock_monotonic_us() + ctx->timeout_ms * 1000;
    status = results == NULL ? lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "results is NULL") : run(&f);
    end(ctx);
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
