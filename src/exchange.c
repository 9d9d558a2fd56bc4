/* The steps of one fetch; see exchange.h. */
#include "exchange.h"
#include "admission.h"
#include "base/clock.h"
#include "wire/decode.h"
#include "wire/timestamp.h"

#include <inttypes.h>

lock_sync_status lsync_exchange_check(lsync_exchange *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status = lsync_request_check_ids(x->ids, x->n, &ctx->error);

    if (status == LOCK_SYNC_OK)
        status = lsync_ctx_check_route(ctx);
    if (status == LOCK_SYNC_OK && ctx->provider == NULL)
        status = lsync_ctx_check_credential(ctx);
    return status;
}

/* --- the credential --- */

/* Asks the provider for a credential. *set: whether it did set one that can be used. */
static lock_sync_status ask_provider(lock_sync_ctx *ctx, bool refused, bool *set)
{
    uint32_t version = ctx->credential_version;
    lock_sync_status status;

    *set = false;
    if (atomic_load(&ctx->cancelled))
        return LOCK_SYNC_E_CANCELLED;
    ctx->in_provider = true;
    status = ctx->provider(ctx->provider_user, ctx, refused);
    ctx->in_provider = false;
    *set = ctx->credential_version != version && lsync_ctx_has_credential(ctx);
    if (atomic_load(&ctx->cancelled))
        status = LOCK_SYNC_E_CANCELLED;
    lsync_log(&ctx->logger, LOCK_SYNC_LOG_DEBUG, "token provider: %s, %s", lock_sync_status_name(status),
              *set ? "a credential was set" : "no credential was set");
    return status;
}

static lock_sync_status fail_provider(lock_sync_ctx *ctx, lock_sync_status status, int32_t http_status)
{
    if (status == LOCK_SYNC_E_CANCELLED)
        return lsync_ctx_fail(ctx, status);
    if (status < LOCK_SYNC_OK || status >= LOCK_SYNC_E_BUSY) /* a number that says nothing of the fetch */
        status = LOCK_SYNC_E_NO_CREDENTIAL;
    lsync_error_set(&ctx->error, status, "the token provider set no credential: %s", lock_sync_status_message(status));
    ctx->error.http_status = http_status;
    return status;
}

lock_sync_status lsync_exchange_credential(lsync_exchange *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;
    bool set;

    if (ctx->provider == NULL || lsync_ctx_has_credential(ctx))
        return LOCK_SYNC_OK; /* without a provider the making of the request says what is missing */
    status = ask_provider(ctx, false, &set);
    return status == LOCK_SYNC_OK ? LOCK_SYNC_OK : fail_provider(ctx, status, 0);
}

/* Ends with the 401: its detail becomes the context's error again, with what came of it, and is nobody else's any
   more. */
static lock_sync_status end_refused(lock_sync_ctx *ctx, lock_sync_error *refusal, const char *what)
{
    lsync_error_clear(&ctx->error);
    ctx->error = *refusal;
    lsync_error_init(refusal, &ctx->memory);
    lsync_error_reword(&ctx->error, "%s %s", lock_sync_error_message(&ctx->error), what);
    return LOCK_SYNC_E_UNAUTHORIZED;
}

lock_sync_status lsync_exchange_refused(lsync_exchange *x, lock_sync_error *refusal)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;
    bool set;

    *refusal = ctx->error; /* put aside, as the provider's setters note their own */
    lsync_error_init(&ctx->error, &ctx->memory);
    status = ask_provider(ctx, true, &set);
    if (status == LOCK_SYNC_OK && set)
        return LOCK_SYNC_OK;
    if (status != LOCK_SYNC_OK) {
        status = fail_provider(ctx, status, refusal->http_status);
        lsync_error_clear(refusal);
        return status;
    }
    return end_refused(ctx, refusal, "The token provider set no other.");
}

lock_sync_status lsync_exchange_not_repeated(lsync_exchange *x, lock_sync_error *refusal, lock_sync_status status)
{
    return end_refused(x->ctx, refusal,
                       status == LOCK_SYNC_E_TOO_SOON
                           ? "A new one is set; the rate limit does not allow to repeat the request yet."
                           : "A new one is set; there was no time left, or no guard to ask, to repeat the request.");
}

/* --- request and answer --- */

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
    if (s->failure[0] == '\0')
        return lsync_ctx_fail(ctx, status);
    return lsync_error_set(&ctx->error, status, "%s (%s)", lock_sync_status_message(status), s->failure);
}

static void log_outcome(const lock_sync_ctx *ctx, const lock_sync_request *q, lock_sync_response *s,
                        lock_sync_status status, int64_t started_us)
{
    const char *id = s->correlation_id[0] == '\0' ? "none" : s->correlation_id;
    int64_t ms = (lsync_clock_boot_us() - started_us) / 1000;

    lsync_strike_out(s->correlation_id, q->secret);
    lsync_log(&ctx->logger, status == LOCK_SYNC_OK ? LOCK_SYNC_LOG_INFO : LOCK_SYNC_LOG_WARNING,
              "GET %s: %s, HTTP status %" PRId32 ", %zu bytes, %" PRId64 " ms, correlation id %s%s%s", q->url,
              lock_sync_status_name(status), s->http_status, s->body.size, ms, id, status == LOCK_SYNC_OK ? "" : ": ",
              status == LOCK_SYNC_OK ? "" : lock_sync_error_message(&ctx->error));
}

lock_sync_status lsync_exchange_prepare(lsync_exchange *x, lsync_spares *spares)
{
    lock_sync_ctx *ctx = x->ctx;
    int64_t left_ms;
    lock_sync_status status;

    x->started_us = lsync_clock_boot_us();
    x->settlement = (lsync_settlement){LOCK_SYNC_SLOT_NOT_SENT, -1, 0};
    left_ms = (x->deadline_us - x->started_us) / 1000; /* rounded down: nothing is sent after the deadline */
    left_ms = left_ms < 1 ? 1 : left_ms; /* the sending itself looks at the deadline in microseconds */
    if (atomic_load(&ctx->cancelled))
        status = lsync_ctx_cancelled(ctx);
    else if (x->deadline_us <= x->started_us)
        status = lsync_ctx_timed_out(ctx);
    else
        status = lsync_ctx_request(ctx, x->ids, x->n, x->single, spares, &x->q);
    if (status != LOCK_SYNC_OK)
        return status;
    x->q->timeout_ms = left_ms;
    x->q->connect_timeout_ms = left_ms < ctx->connect_timeout_ms ? left_ms : ctx->connect_timeout_ms;
    x->q->send_until_us = x->deadline_us;
    x->q->route = &ctx->route;
    x->q->cancelled = &ctx->cancelled;
    lsync_response_init(x->s, spares->memory, ctx->max_response_bytes, 0);
    lsync_buffer_adopt(&x->s->body, &spares->body);
    return LOCK_SYNC_OK;
}

/* In mode CACHED an answer is kept as wide as it was, and the results are cut from it. */
static lock_sync_status keep(lsync_exchange *x)
{
    lock_sync_results *wide = x->results;

    x->results = lsync_results_select(wide, &x->q->scope);
    if (x->results == NULL) {
        lock_sync_results_free(wide);
        return lsync_error_no_memory(&x->ctx->error);
    }
    lsync_ctx_drop_cache(x->ctx);
    x->ctx->cache = wide;
    return LOCK_SYNC_OK;
}

static lock_sync_status decode(lsync_exchange *x, lock_sync_status performed)
{
    static const lsync_scope all = {NULL, NULL, 0};
    lock_sync_ctx *ctx = x->ctx;
    bool keeps = ctx->guard_mode == LOCK_SYNC_GUARD_CACHED;
    lock_sync_status status = judge(ctx, performed, x->s);

    if (status != LOCK_SYNC_OK && status != x->s->failed)
        return fail_transport(ctx, status, x->s);
    status = lsync_decode(&ctx->memory, x->q, x->s, keeps && x->q->asks_all ? &all : &x->q->scope, &ctx->error,
                          &x->results);
    return status == LOCK_SYNC_OK && keeps ? keep(x) : status;
}

lock_sync_status lsync_exchange_conclude(lsync_exchange *x, lock_sync_status performed, lsync_spares *spares)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;

    x->s->received_at_ms = lsync_clock_unix_ms();
    status = decode(x, performed);
    x->settlement = (lsync_settlement){lsync_outcome_of(status, x->s), -1, x->s->sends};
    if (x->settlement.outcome == LOCK_SYNC_SLOT_LIMITED)
        x->settlement.retry_after_ms = lsync_retry_after_ms(x->s->retry_after, x->s->date, x->s->received_at_ms);
    log_outcome(ctx, x->q, x->s, status, x->started_us);
    lsync_buffer_retire(&x->s->body, &spares->body);
    lsync_request_retire(x->q, &spares->request);
    x->q = NULL;
    return status;
}

void lsync_spares_release(lsync_spares *spares)
{
    lsync_free(spares->memory, spares->request.block);
    lsync_free(spares->memory, spares->body.block);
    spares->request = spares->body = (lsync_spare){NULL, 0};
}
