/* The steps of a fetch; see steps.h. */
#include "client/steps.h"
#include "base/clock.h"
#include "base/duration.h"
#include "client/kept.h"
#include "client/settings.h"
#include "wire/decode.h"
#include "wire/directory.h"
#include "wire/timestamp.h"

#include <inttypes.h>

lock_sync_guard_mode lsync_run_guard_mode(const lsync_run *x)
{
    lock_sync_guard_mode mode = x->ctx->guard_mode;

    return mode == LOCK_SYNC_GUARD_CACHED && x->query.page > 0 ? LOCK_SYNC_GUARD_FAIL : mode;
}

int64_t lsync_deadline_us(const lock_sync_ctx *ctx)
{
    return lsync_clock_boot_us() + ctx->timeout_ms * 1000;
}

lock_sync_request_kind lsync_run_kind(const lsync_run *x)
{
    return x->query.page == 0 ? LOCK_SYNC_REQUEST_SYNC : LOCK_SYNC_REQUEST_DIRECTORY;
}

void lsync_run_release(lsync_run *x)
{
    lock_sync_results_free(x->results);
    x->results = NULL;
    lock_sync_directory_free(x->directory);
    x->directory = NULL;
}

lock_sync_status lsync_step_check(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status = lsync_request_check_ids(x->query.ids, x->query.n, &ctx->error);

    if (status == LOCK_SYNC_OK)
        status = lsync_ctx_check_route(ctx);
    if (status == LOCK_SYNC_OK && ctx->provider == NULL)
        status = lsync_ctx_check_credential(ctx);
    if (status == LOCK_SYNC_OK && x->fetch.mode != LOCK_SYNC_GUARD_OFF)
        status = lsync_need_guard(ctx);
    return status;
}

/* --- the credential --- */

/* Asks the token provider for a credential. Sets *set to whether the provider set a usable one. */
static lock_sync_status ask_provider(lock_sync_ctx *ctx, bool rejected, bool *set)
{
    uint32_t version = ctx->credential_version;
    lock_sync_status status;

    *set = false;
    if (atomic_load(&ctx->cancelled))
        return LOCK_SYNC_E_CANCELLED;
    ctx->in_provider = true;
    status = ctx->provider(ctx->provider_user, ctx, rejected);
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
        return lsync_ctx_cancelled(ctx);
    if (status < LOCK_SYNC_OK || status >= LOCK_SYNC_E_BUSY) /* not a status that a fetch can end with */
        status = LOCK_SYNC_E_NO_CREDENTIAL;
    lsync_error_set(&ctx->error, status, "the token provider set no credential: %s", lock_sync_status_message(status));
    ctx->error.http_status = http_status;
    return status;
}

lock_sync_status lsync_step_credential(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;
    bool set;

    if (ctx->provider == NULL || lsync_ctx_has_credential(ctx))
        return LOCK_SYNC_OK; /* without a provider, lsync_ctx_request reports a missing credential */
    status = ask_provider(ctx, false, &set);
    return status == LOCK_SYNC_OK ? LOCK_SYNC_OK : fail_provider(ctx, status, 0);
}

/* Ends the fetch with the 401: moves `unauthorized` back to the context's error, and adds `what` to the message. */
static lock_sync_status end_unauthorized(lock_sync_ctx *ctx, lock_sync_error *unauthorized, const char *what)
{
    lsync_error_clear(&ctx->error);
    ctx->error = *unauthorized;
    lsync_error_init(unauthorized, &ctx->memory);
    lsync_error_reword(&ctx->error, "%s %s", lock_sync_error_message(&ctx->error), what);
    return LOCK_SYNC_E_UNAUTHORIZED;
}

lock_sync_status lsync_step_renew(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;
    bool set;

    x->unauthorized = ctx->error; /* moved, because the setters that the provider calls overwrite the context's error */
    lsync_error_init(&ctx->error, &ctx->memory);
    status = ask_provider(ctx, true, &set);
    if (status == LOCK_SYNC_OK && set) {
        if (!x->fetch.has_slot) /* no guard can deny the retry */
            lsync_error_clear(&x->unauthorized);
        return LOCK_SYNC_OK;
    }
    if (status == LOCK_SYNC_OK)
        return end_unauthorized(ctx, &x->unauthorized, "The token provider set no other credential.");
    status = fail_provider(ctx, status, x->unauthorized.http_status);
    lsync_error_clear(&x->unauthorized);
    return status;
}

/* Returns how the slot must be settled after a transfer that ended with `status`. */
static lock_sync_guard_outcome outcome_of(lock_sync_status status, const lock_sync_response *s)
{
    if (status == LOCK_SYNC_E_RATE_LIMITED || lsync_response_is_limited(s))
        return LOCK_SYNC_SLOT_LIMITED;
    if (s->counts_sends)
        return s->sends == 0 ? LOCK_SYNC_SLOT_NOT_SENT : LOCK_SYNC_SLOT_SENT;
    return status == LOCK_SYNC_E_RESOLVE || status == LOCK_SYNC_E_CONNECT || status == LOCK_SYNC_E_TLS
               ? LOCK_SYNC_SLOT_NOT_SENT
               : LOCK_SYNC_SLOT_SENT;
}

/* --- request and response --- */

/* Returns the status of a transport's result. A status that a transport must not return becomes E_NETWORK. */
static lock_sync_status status_of_transport(const lock_sync_ctx *ctx, lock_sync_status status,
                                            const lock_sync_response *s)
{
    if (status != LOCK_SYNC_OK && atomic_load(&ctx->cancelled))
        return LOCK_SYNC_E_CANCELLED;
    if (s->failed != LOCK_SYNC_OK)
        return s->failed;
    if (status == LOCK_SYNC_OK && s->http_status != 0)
        return LOCK_SYNC_OK;
    if (status == LOCK_SYNC_E_NO_MEMORY || (status >= LOCK_SYNC_E_CANCELLED && status <= LOCK_SYNC_E_TOO_LARGE) ||
        (status == LOCK_SYNC_E_MALFORMED && s->failure[0] != '\0')) /* the built-in transport detects malformed HTTP */
        return status;
    return LOCK_SYNC_E_NETWORK;
}

static lock_sync_status fail_transport(lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_response *s)
{
    if (s->failure[0] == '\0')
        return status == LOCK_SYNC_E_CANCELLED ? lsync_ctx_cancelled(ctx) : lsync_ctx_fail(ctx, status);
    return lsync_error_set(&ctx->error, status, "%s (%s)", lock_sync_status_message(status), s->failure);
}

static void log_outcome(const lock_sync_ctx *ctx, const lock_sync_request *q, lock_sync_response *s,
                        lock_sync_status status, int64_t started_us)
{
    const char *id = s->correlation_id[0] == '\0' ? "none" : s->correlation_id;
    int64_t ms = (lsync_clock_boot_us() - started_us) / 1000;

    lsync_redact(s->correlation_id, q->secret);
    lsync_log(&ctx->logger, status == LOCK_SYNC_OK ? LOCK_SYNC_LOG_INFO : LOCK_SYNC_LOG_WARNING,
              "GET %s: %s, HTTP status %" PRId32 ", %zu bytes, %" PRId64 " ms, correlation id %s%s%s", q->url,
              lock_sync_status_name(status), s->http_status, s->body.size, ms, id, status == LOCK_SYNC_OK ? "" : ": ",
              status == LOCK_SYNC_OK ? "" : lock_sync_error_message(&ctx->error));
}

lock_sync_status lsync_step_prepare(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    int64_t left_ms;
    lock_sync_status status;

    x->has_more = false;
    x->started_us = lsync_clock_boot_us();
    left_ms = (x->fetch.deadline_us - x->started_us) / 1000; /* rounded down: nothing is sent after the deadline */
    left_ms = left_ms < 1 ? 1 : left_ms;                     /* the transport checks the deadline in microseconds */
    if (atomic_load(&ctx->cancelled))
        status = lsync_ctx_cancelled(ctx);
    else if (x->fetch.deadline_us <= x->started_us)
        status = lsync_ctx_timed_out(ctx);
    else
        status = lsync_ctx_request(ctx, &x->query, &x->q);
    if (status != LOCK_SYNC_OK)
        return status;
    x->q->timeout_ms = left_ms;
    x->q->connect_timeout_ms = left_ms < ctx->connect_timeout_ms ? left_ms : ctx->connect_timeout_ms;
    x->q->send_until_us = x->fetch.deadline_us;
    x->q->route = &ctx->route;
    x->q->cancelled = &ctx->cancelled;
    lsync_response_init(x->s, &ctx->memory, ctx->max_response_bytes, 0);
    return LOCK_SYNC_OK;
}

static lock_sync_status decode_states(lsync_run *x)
{
    static const lsync_scope all = {NULL, NULL, 0};
    lock_sync_ctx *ctx = x->ctx;
    bool keeps = ctx->guard_mode == LOCK_SYNC_GUARD_CACHED;
    lock_sync_status status;

    status = lsync_decode(&ctx->memory, x->q, x->s, keeps && x->q->asks_all ? &all : &x->q->scope, &ctx->error,
                          &x->results);
    return status == LOCK_SYNC_OK && keeps ? lsync_kept_put(ctx, &x->q->scope, &x->results) : status;
}

/* Adds a page to the directory. The last page completes it. */
static lock_sync_status decode_page(lsync_run *x)
{
    lock_sync_ctx *ctx = x->ctx;
    const lsync_decoding page = {&ctx->memory, x->q, x->s, &ctx->error};
    lock_sync_status status;

    if (x->directory == NULL)
        x->directory = lsync_directory_new(&ctx->memory);
    if (x->directory == NULL)
        return lsync_error_no_memory(&ctx->error);
    status = lsync_directory_add(x->directory, &page);
    if (status != LOCK_SYNC_OK)
        return status;
    x->has_more = lock_sync_directory_has_more(x->directory);
    if (x->has_more && x->query.page == LSYNC_PAGES_MAX) {
        x->has_more = false;
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_TOO_LARGE,
                               "the account has %d locks or more, and the service allows %d pages of %d in ten minutes",
                               LSYNC_PAGES_MAX * LSYNC_PAGE_LOCKS, LSYNC_PAGES_MAX, LSYNC_PAGE_LOCKS);
    }
    x->query.page += x->has_more;
    if (!x->has_more && lsync_directory_finish(x->directory, x->s->received_at_ms) != LOCK_SYNC_OK)
        return lsync_error_no_memory(&ctx->error);
    return LOCK_SYNC_OK;
}

static lock_sync_status decode(lsync_run *x, lock_sync_status performed)
{
    lock_sync_status status = status_of_transport(x->ctx, performed, x->s);

    if (status != LOCK_SYNC_OK && status != x->s->failed)
        return fail_transport(x->ctx, status, x->s);
    return x->q->page == 0 ? decode_states(x) : decode_page(x);
}

lock_sync_status lsync_step_conclude(lsync_run *x, lock_sync_status performed)
{
    lock_sync_ctx *ctx = x->ctx;
    lock_sync_status status;

    x->s->received_at_ms = lsync_clock_unix_ms();
    status = decode(x, performed);
    x->settlement = (lsync_settlement){outcome_of(status, x->s), -1, x->s->sends};
    if (x->settlement.outcome == LOCK_SYNC_SLOT_LIMITED)
        x->settlement.retry_after_ms = lsync_retry_after_ms(x->s->retry_after, x->s->date, x->s->received_at_ms);
    log_outcome(ctx, x->q, x->s, status, x->started_us);
    lsync_response_release(x->s);
    lock_sync_request_free(x->q);
    x->q = NULL;
    return status;
}

void lsync_step_retry(lsync_run *x)
{
    x->settlement = (lsync_settlement){outcome_of(LOCK_SYNC_E_NETWORK, x->s), -1, x->s->sends};
    lsync_response_release(x->s);
    lock_sync_request_free(x->q);
    x->q = NULL;
}

/* --- the guard --- */

static lock_sync_status too_soon(lock_sync_ctx *ctx, const lsync_guard_reservation *reservation)
{
    char wait[LSYNC_DURATION_SIZE];

    lsync_duration_text(reservation->wait_ms, wait);
    lsync_error_set(&ctx->error, LOCK_SYNC_E_TOO_SOON, "%s %s The next request is allowed in %s.",
                    lock_sync_status_message(LOCK_SYNC_E_TOO_SOON), lsync_guard_reason_text(reservation->reason), wait);
    ctx->error.retry_after_ms = reservation->wait_ms;
    return LOCK_SYNC_E_TOO_SOON;
}

static lock_sync_status record_denied(lock_sync_ctx *ctx, lock_sync_status status,
                                      const lsync_guard_reservation *reservation)
{
    char why[160];

    if (status == LOCK_SYNC_E_TOO_SOON)
        return too_soon(ctx, reservation);
    if (status == LOCK_SYNC_E_TIMEOUT)
        return lsync_ctx_timed_out(ctx);
    if (status != LOCK_SYNC_E_GUARD)
        return lsync_ctx_fail(ctx, status);
    (void)lock_sync_guard_error_message(ctx->guard, why, sizeof why);
    return lsync_error_set(&ctx->error, status, "%s Nothing was sent. (%s)", lock_sync_status_message(status), why);
}

static void log_warning(const lock_sync_ctx *ctx)
{
    char warning[256];

    if (lsync_guard_take_warning(ctx->guard, warning, sizeof warning))
        lsync_log(&ctx->logger, LOCK_SYNC_LOG_WARNING, "%s", warning);
}

static void log_not_settled(const lock_sync_ctx *ctx, lock_sync_status status)
{
    char why[160];

    (void)lock_sync_guard_error_message(ctx->guard, why, sizeof why);
    lsync_log(&ctx->logger, LOCK_SYNC_LOG_WARNING, "the guard could not record the end of a fetch: %s (%s)",
              lock_sync_status_name(status), why);
}

lock_sync_status lsync_step_guard_task(lsync_run *x, lsync_guard_task *task)
{
    int64_t lease_ms = lsync_clock_ms_up(x->fetch.deadline_us - lsync_clock_boot_us());

    if (x->fetch.state == LSYNC_FETCH_SETTLING) {
        *task = lsync_guard_task_settle(x->slot, &x->settlement);
        x->slot = 0;
        return LOCK_SYNC_OK;
    }
    x->reservation = (lsync_guard_reservation){0};
    if (lease_ms <= 0)
        return LOCK_SYNC_E_TIMEOUT;
    if (x->fetch.state == LSYNC_FETCH_ASKING)
        *task = lsync_guard_task_ask(lsync_run_kind(x), lease_ms);
    else
        *task = lsync_guard_task_extend(x->slot, lsync_settlement_charges(&x->settlement), lease_ms);
    return LOCK_SYNC_OK;
}

void lsync_step_guard_result(lsync_run *x, const lsync_guard_task *task, lock_sync_status status)
{
    if (task->settles)
        return;
    if (status == LOCK_SYNC_OK || status == LOCK_SYNC_E_TOO_SOON)
        x->reservation = task->reservation;
    if (x->fetch.state == LSYNC_FETCH_ASKING)
        x->slot = x->reservation.slot;
    if (status == LOCK_SYNC_OK)
        x->settlement = (lsync_settlement){LOCK_SYNC_SLOT_NOT_SENT, -1, 0};
}

lock_sync_status lsync_step_guard(lsync_run *x, lock_sync_guard *guard)
{
    lsync_guard_task task;
    lock_sync_status status = lsync_step_guard_task(x, &task);

    if (status != LOCK_SYNC_OK)
        return status;
    status = lsync_guard_run(guard, &task);
    lsync_step_guard_result(x, &task, status);
    return status;
}

/* Ends a fetch whose retry the guard did not allow, with the details of the 401. */
static lock_sync_status record_no_retry(lsync_run *x, lock_sync_status status)
{
    return end_unauthorized(
        x->ctx, &x->unauthorized,
        status == LOCK_SYNC_E_TOO_SOON
            ? "A new credential is set, but the rate limit does not allow a retry yet."
            : "A new credential is set, but the request was not retried: no time was left, or the guard failed.");
}

lsync_fetch_input lsync_step_guard_done(lsync_run *x, lock_sync_status status)
{
    lsync_fetch_input in = {.status = status};

    log_warning(x->ctx);
    if (x->fetch.state == LSYNC_FETCH_SETTLING && status != LOCK_SYNC_OK) {
        log_not_settled(x->ctx, status); /* the fetch does not fail, because the guard keeps the outcome */
    } else if (x->fetch.state == LSYNC_FETCH_ASKING && status != LOCK_SYNC_OK) {
        in.at_us = lsync_clock_boot_us() + x->reservation.soonest_ms * 1000;
        (void)record_denied(x->ctx, status, &x->reservation);
    } else if (x->fetch.state == LSYNC_FETCH_EXTENDING) {
        if (status != LOCK_SYNC_OK && x->has_more)
            (void)record_denied(x->ctx, status, &x->reservation);
        else if (status != LOCK_SYNC_OK)
            in.status = record_no_retry(x, status);
        lsync_error_clear(&x->unauthorized);
    }
    if (x->fetch.stop != LOCK_SYNC_OK)
        (void)lsync_step_stop(x, x->fetch.stop);
    return in;
}

lsync_fetch_input lsync_step_stop(lsync_run *x, lock_sync_status status)
{
    if (x->fetch.state != LSYNC_FETCH_SETTLING) /* in SETTLING, status and error are final */
        (void)(status == LOCK_SYNC_E_TIMEOUT ? lsync_ctx_timed_out(x->ctx) : lsync_ctx_cancelled(x->ctx));
    return (lsync_fetch_input){.is_stop = true, .status = status};
}
