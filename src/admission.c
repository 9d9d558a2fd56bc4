/* A context's side of the guard; see admission.h. */
#include "admission.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "guard/guard.h"
#include "wire/results.h"

#include <inttypes.h>
#include <time.h>

lock_sync_status lock_sync_set_guard(lock_sync_ctx *ctx, lock_sync_guard *guard)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    (void)lock_sync_guard_ref(guard); /* before the old one goes: it may be the same */
    lock_sync_guard_unref(ctx->guard);
    ctx->guard = guard;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_set_guard_mode(lock_sync_ctx *ctx, lock_sync_guard_mode mode)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    if (mode < LOCK_SYNC_GUARD_FAIL || mode > LOCK_SYNC_GUARD_OFF)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "the guard mode %" PRId32 " is none", mode);
    ctx->guard_mode = mode;
    if (mode != LOCK_SYNC_GUARD_CACHED)
        lsync_ctx_drop_cache(ctx);
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lsync_need_guard(lock_sync_ctx *ctx)
{
    lock_sync_status status = LOCK_SYNC_OK;

    if (ctx->guard == NULL)
        status = lock_sync_guard_new_with_allocator(&ctx->memory, &ctx->guard);
    return status == LOCK_SYNC_OK ? status : lsync_error_no_memory(&ctx->error);
}

static lock_sync_status too_soon(lock_sync_ctx *ctx, const lsync_guard_answer *answer)
{
    char wait[LSYNC_DURATION_SIZE];

    lsync_duration_text(answer->wait_ms, wait);
    lsync_error_set(&ctx->error, LOCK_SYNC_E_TOO_SOON, "%s %s The next request is allowed in %s.",
                    lock_sync_status_message(LOCK_SYNC_E_TOO_SOON), lsync_guard_reason_text(answer->reason), wait);
    ctx->error.retry_after_ms = answer->wait_ms;
    return LOCK_SYNC_E_TOO_SOON;
}

lock_sync_status lsync_not_admitted(lock_sync_ctx *ctx, lock_sync_status status, const lsync_guard_answer *answer)
{
    char why[160];

    if (status == LOCK_SYNC_E_TOO_SOON)
        return too_soon(ctx, answer);
    if (status == LOCK_SYNC_E_TIMEOUT)
        return lsync_ctx_timed_out(ctx);
    if (status != LOCK_SYNC_E_GUARD)
        return lsync_ctx_fail(ctx, status);
    (void)lock_sync_guard_error_message(ctx->guard, why, sizeof why);
    return lsync_error_set(&ctx->error, status, "%s Nothing was sent. (%s)", lock_sync_status_message(status), why);
}

void lsync_log_guard_warning(const lock_sync_ctx *ctx)
{
    char warning[256];

    if (lsync_guard_take_warning(ctx->guard, warning, sizeof warning))
        lsync_log(&ctx->logger, LOCK_SYNC_LOG_WARNING, "%s", warning);
}

static int64_t left_ms(int64_t deadline_us)
{
    return (deadline_us - lsync_clock_boot_us() + 999) / 1000;
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

lock_sync_status lsync_ask(lock_sync_ctx *ctx, int64_t deadline_us, lsync_guard_answer *answer)
{
    int64_t hold_ms = left_ms(deadline_us);
    lock_sync_status status;

    *answer = (lsync_guard_answer){0};
    if (ctx->guard_mode == LOCK_SYNC_GUARD_OFF)
        return LOCK_SYNC_OK;
    status = lsync_need_guard(ctx);
    if (status != LOCK_SYNC_OK)
        return status;
    status = hold_ms <= 0 ? LOCK_SYNC_E_TIMEOUT
                          : lsync_guard_ask(ctx->guard, LOCK_SYNC_REQUEST_SYNC, hold_ms, answer);
    lsync_log_guard_warning(ctx);
    return status == LOCK_SYNC_OK ? status : lsync_not_admitted(ctx, status, answer);
}

lock_sync_status lsync_admit(lock_sync_ctx *ctx, int64_t deadline_us, int64_t *slot)
{
    lsync_guard_answer answer;

    for (;;) {
        lock_sync_status status = lsync_ask(ctx, deadline_us, &answer);

        *slot = answer.slot;
        /* While another request is on its way a slot may be free sooner than is sure: that is when to ask again. */
        if (status != LOCK_SYNC_E_TOO_SOON || ctx->guard_mode != LOCK_SYNC_GUARD_WAIT ||
            answer.soonest_ms >= left_ms(deadline_us))
            return status;
        lsync_log(&ctx->logger, LOCK_SYNC_LOG_DEBUG, "waiting %" PRId64 " ms for the guard", answer.soonest_ms);
        lsync_sleep_or_cancel(ctx, answer.soonest_ms);
        if (atomic_load(&ctx->cancelled))
            return lsync_ctx_cancelled(ctx);
    }
}

lock_sync_status lsync_admit_retry(lock_sync_ctx *ctx, int64_t deadline_us, int64_t slot,
                                   const lsync_settlement *first)
{
    int64_t hold_ms = left_ms(deadline_us);
    lsync_guard_answer answer;

    if (slot == 0)
        return LOCK_SYNC_OK;
    if (hold_ms <= 0)
        return LOCK_SYNC_E_TIMEOUT;
    return lsync_guard_extend_slot(ctx->guard, slot, lsync_settlement_charges(first), hold_ms, &answer);
}

lock_sync_guard_outcome lsync_outcome_of(lock_sync_status status, const lock_sync_response *s)
{
    if (status == LOCK_SYNC_E_RATE_LIMITED || lsync_response_is_limited(s))
        return LOCK_SYNC_SLOT_LIMITED;
    if (s->counts_sends)
        return s->sends == 0 ? LOCK_SYNC_SLOT_NOT_SENT : LOCK_SYNC_SLOT_SENT;
    return status == LOCK_SYNC_E_RESOLVE || status == LOCK_SYNC_E_CONNECT || status == LOCK_SYNC_E_TLS
               ? LOCK_SYNC_SLOT_NOT_SENT
               : LOCK_SYNC_SLOT_SENT;
}

void lsync_log_not_settled(const lock_sync_ctx *ctx, lock_sync_status status)
{
    char why[160];

    (void)lock_sync_guard_error_message(ctx->guard, why, sizeof why);
    lsync_log(&ctx->logger, LOCK_SYNC_LOG_WARNING, "the guard could not note the end of a fetch: %s (%s)",
              lock_sync_status_name(status), why);
}

void lsync_settle(lock_sync_ctx *ctx, int64_t slot, const lsync_settlement *settlement)
{
    lock_sync_status status = slot == 0 ? LOCK_SYNC_OK : lsync_guard_settle_all(ctx->guard, slot, settlement);

    /* the fetch is what it is; the guard keeps the outcome, and writes it with its next decision */
    if (status != LOCK_SYNC_OK)
        lsync_log_not_settled(ctx, status);
}

void lsync_ctx_drop_cache(lock_sync_ctx *ctx)
{
    lock_sync_results_free(ctx->cache);
    ctx->cache = NULL;
}

lock_sync_status lsync_cached_answer(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                     lock_sync_results **out)
{
    lock_sync_results *answer = NULL;
    lsync_scope asked;
    bool covered;
    void *room;
    size_t size;

    if (ctx->cache == NULL)
        return LOCK_SYNC_E_TOO_SOON;
    room = lsync_size_mul(n, LSYNC_SCOPE_ROOM, &size) ? lsync_alloc(&ctx->memory, size == 0 ? 1 : size) : NULL;
    if (room == NULL)
        return lsync_error_no_memory(&ctx->error);
    lsync_scope_init(&asked, ids, n, room);
    covered = lsync_scope_covers(&ctx->cache->asked, &asked);
    if (covered)
        answer = lsync_results_select(ctx->cache, &asked);
    lsync_free(&ctx->memory, room);
    if (!covered)
        return LOCK_SYNC_E_TOO_SOON;
    if (answer == NULL)
        return lsync_error_no_memory(&ctx->error);
    if (single && answer->count == 0) { /* "no such lock" is for the service to say */
        lock_sync_results_free(answer);
        return LOCK_SYNC_E_TOO_SOON;
    }
    answer->is_cached = true;
    *out = answer;
    return LOCK_SYNC_OK;
}
