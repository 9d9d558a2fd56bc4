/* One blocking fetch from start to end: guard -> credential -> request -> transport -> response -> results. */
#include "admission.h"
#include "base/clock.h"
#include "context.h"
#include "transport/transport.h"
#include "wire/decode.h"

#include <inttypes.h>

/* What the steps of a fetch share. */
typedef struct fetch {
    lock_sync_ctx *ctx;
    const int64_t *ids;
    size_t n;
    bool single;
    int64_t deadline_us; /* boot clock */
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
        (void)pthread_cond_signal(&ctx->cancel_condition);
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

/* The request, readied for the transport. */
static lock_sync_status make_request(const fetch *f, int64_t now_us, lock_sync_request **out)
{
    lock_sync_ctx *ctx = f->ctx;
    int64_t left_ms = (f->deadline_us - now_us) / 1000; /* rounded down: nothing is sent after the deadline */
    lock_sync_status status;

    if (left_ms <= 0)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_TIMEOUT, "the deadline of the whole fetch passed");
    status = lsync_ctx_request(ctx, f->ids, f->n, f->single, lsync_clock_unix_ms(),
                               &ctx->request_spare, out);
    if (status != LOCK_SYNC_OK)
        return status;
    (*out)->timeout_ms = left_ms;
    (*out)->connect_timeout_ms = left_ms < ctx->connect_timeout_ms ? left_ms : ctx->connect_timeout_ms;
    (*out)->send_until_us = f->deadline_us;
    (*out)->route = &ctx->route;
    (*out)->cancelled = &ctx->cancelled;
    return LOCK_SYNC_OK;
}

/* In mode CACHED an answer is kept as wide as it was, and the results are cut from it. */
static lock_sync_status decode_and_keep(const fetch *f, const lock_sync_request *q, const lock_sync_response *s)
{
    static const lsync_scope all = {NULL, NULL, 0};
    lock_sync_ctx *ctx = f->ctx;
    lock_sync_results *wide;
    lock_sync_status status = lsync_decode(&ctx->memory, q, s, q->asks_all ? &all : &q->scope, &ctx->error, &wide);

    if (status != LOCK_SYNC_OK)
        return status;
    *f->results = lsync_results_select(wide, &q->scope);
    if (*f->results == NULL) {
        lock_sync_results_free(wide);
        return lsync_error_no_memory(&ctx->error);
    }
    lsync_ctx_drop_cache(ctx);
    ctx->cache = wide;
    return LOCK_SYNC_OK;
}

static lock_sync_status conclude(const fetch *f, const lock_sync_request *q, const lock_sync_response *s,
                                 lock_sync_status status)
{
    lock_sync_ctx *ctx = f->ctx;

    status = judge(ctx, status, s);
    if (status != LOCK_SYNC_OK && status != s->failed)
        return fail_transport(ctx, status, s);
    if (ctx->guard_mode == LOCK_SYNC_GUARD_CACHED)
        return decode_and_keep(f, q, s);
    return lsync_decode(&ctx->memory, q, s, &q->scope, &ctx->error, f->results);
}

/* One request and its answer, in a slot of the guard (0: none), which is settled whatever comes. */
static lock_sync_status exchange(const fetch *f, int64_t slot)
{
    lock_sync_ctx *ctx = f->ctx;
    int64_t started_us = lsync_clock_boot_us();
    lock_sync_response s;
    lock_sync_request *q = NULL;
    lock_sync_status status = make_request(f, started_us, &q);

    if (status == LOCK_SYNC_OK && atomic_load(&ctx->cancelled))
        status = lsync_error_set(&ctx->error, LOCK_SYNC_E_CANCELLED, "%s",
                                 lock_sync_status_message(LOCK_SYNC_E_CANCELLED));
    if (status != LOCK_SYNC_OK) {
        lsync_settle(ctx, slot, LOCK_SYNC_SLOT_NOT_SENT, -1, 0);
        lsync_request_retire(q, &ctx->request_spare);
        return status;
    }
    lsync_response_init(&s, &ctx->memory, ctx->max_response_bytes, 0);
    lsync_buffer_adopt(&s.body, &ctx->body_spare);
    status = ctx->transport.perform(ctx->transport.user, q, &s);
    s.received_at_ms = lsync_clock_unix_ms();
    status = conclude(f, q, &s, status);
    lsync_settle(ctx, slot, lsync_outcome_of(status, &s), ctx->error.retry_after_ms, s.sends);
    log_outcome(ctx, q, &s, status, started_us);
    lsync_buffer_retire(&s.body, &ctx->body_spare);
    lsync_request_retire(q, &ctx->request_spare);
    return status;
}

/* Asks the provider for a credential. *set: whether it did set one. */
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
    if (status < LOCK_SYNC_OK || status > LOCK_SYNC_E_BUSY) /* a number that says nothing */
        status = LOCK_SYNC_E_NO_CREDENTIAL;
    lsync_error_set(&ctx->error, status, "the token provider set no credential: %s", lock_sync_status_message(status));
    ctx->error.http_status = http_status;
    return status;
}

static bool has_credential(const lock_sync_ctx *ctx)
{
    return lsync_ctx_has_credential(ctx, lsync_clock_unix_ms());
}

static lock_sync_status need_credential(lock_sync_ctx *ctx)
{
    lock_sync_status status;
    bool set;

    if (ctx->provider == NULL || has_credential(ctx))
        return LOCK_SYNC_OK; /* without a provider the making of the request says what is missing */
    status = ask_provider(ctx, false, &set);
    return status == LOCK_SYNC_OK ? LOCK_SYNC_OK : fail_provider(ctx, status, 0);
}

/* After a 401: once more with a new credential, if there is one to be had and the guard has room. The detail of the 401 is
   put aside meanwhile, as the provider's setters note their own. */
static lock_sync_status repeat_with_new_credential(const fetch *f)
{
    lock_sync_ctx *ctx = f->ctx;
    lock_sync_error refusal = ctx->error;
    const char *why = NULL;
    int64_t slot = 0;
    bool set;
    lock_sync_status status;

    lsync_error_init(&ctx->error, &ctx->memory);
    status = ask_provider(ctx, true, &set);
    if (status != LOCK_SYNC_OK) {
        status = fail_provider(ctx, status, refusal.http_status);
    } else {
        status = set ? lsync_admit_repeat(ctx, f->deadline_us, &slot) : LOCK_SYNC_OK;
        if (!set)
            why = "The token provider set no other.";
        else if (status == LOCK_SYNC_E_TOO_SOON)
            why = "A new one is set; the rate limit does not allow to repeat the request yet.";
        else if (status != LOCK_SYNC_OK)
            why = "A new one is set; there was no time left, or no guard to ask, to repeat the request.";
        status = why != NULL ? LOCK_SYNC_E_UNAUTHORIZED : exchange(f, slot);
    }
    if (why != NULL) {
        lsync_error_clear(&ctx->error);
        ctx->error = refusal;
        lsync_error_reword(&ctx->error, "%s %s", lock_sync_error_message(&refusal), why);
    } else {
        lsync_error_clear(&refusal);
    }
    return status;
}

/* What can be told before anything is asked of guard, provider or network. */
static lock_sync_status check(const fetch *f)
{
    lock_sync_ctx *ctx = f->ctx;
    lock_sync_status status = lsync_request_check_ids(f->ids, f->n, &ctx->error);

    if (status == LOCK_SYNC_OK)
        status = lsync_ctx_check_route(ctx);
    if (status == LOCK_SYNC_OK && ctx->provider == NULL)
        status = lsync_ctx_check_credential(ctx, lsync_clock_unix_ms());
    if (status == LOCK_SYNC_OK)
        status = need_transport(ctx);
    return status;
}

static lock_sync_status run(const fetch *f)
{
    lock_sync_ctx *ctx = f->ctx;
    lock_sync_status status = check(f);
    int64_t slot;

    if (status != LOCK_SYNC_OK)
        return status;
    status = lsync_admit(ctx, f->deadline_us, &slot);
    if (status == LOCK_SYNC_E_TOO_SOON && ctx->guard_mode == LOCK_SYNC_GUARD_CACHED) {
        *f->results = lsync_cached_answer(ctx, f->ids, f->n, f->single);
        return *f->results != NULL ? LOCK_SYNC_OK : status;
    }
    if (status != LOCK_SYNC_OK)
        return status;
    status = need_credential(ctx);
    if (status != LOCK_SYNC_OK) {
        lsync_settle(ctx, slot, LOCK_SYNC_SLOT_NOT_SENT, -1, 0);
        return status;
    }
    status = exchange(f, slot);
    if (status == LOCK_SYNC_E_UNAUTHORIZED && ctx->provider != NULL)
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
    f.deadline_us = lsync_clock_boot_us() + ctx->timeout_ms * 1000;
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
