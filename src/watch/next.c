/* A watch that the application drives: lock_sync_watch_next(). */
#include "base/clock.h"
#include "client/blocking.h"
#include "watch/fetches.h"

#define NEVER_US INT64_MAX

/* Returns whether a fetch that ended with this status and error may have sent a request. After a 401 the status is the
   token provider's and shows nothing, but the error has the HTTP status. */
static bool may_have_sent(lock_sync_status status, const lock_sync_error *e)
{
    return e->http_status != 0 || (status != LOCK_SYNC_E_INVALID_ARGUMENT && status != LOCK_SYNC_E_NO_CREDENTIAL &&
                                   status != LOCK_SYNC_E_NO_TRANSPORT);
}

/* Polls if the guard allows it now, else sets when to ask it again. Returns as lsync_watch_take. */
static lock_sync_status poll(lock_sync_watch *w, lock_sync_changes **changes)
{
    lock_sync_status status;
    lsync_poll_end end;
    int64_t until_us = lsync_deadline_us(w->ctx); /* of all fetches together */
    lock_sync_response response;
    lsync_run x;

    lsync_watch_begin(w);
    do {
        x = (lsync_run){.ctx = w->ctx, .query = lsync_watch_query(w), .s = &response};
        lsync_fetch_poll(&x, until_us);
        end = lsync_watch_fetched(w, &x);
    } while (end == LSYNC_POLL_CONTINUES);
    if (end == LSYNC_POLL_DENIED) {
        int64_t again_ms = x.reservation.soonest_ms, now_us = lsync_clock_boot_us();

        w->due_us = now_us + (again_ms > 0 ? again_ms : 1) * 1000;
        w->opens_us = now_us + w->ctx->error.retry_after_ms * 1000;
        return LOCK_SYNC_E_TIMEOUT;
    }
    status = lsync_watch_take(w, changes);
    if (!may_have_sent(status, &w->ctx->error))
        w->due_us = 0; /* reported at once; the application can poll again as soon as it has corrected the cause */
    return status;
}

static lock_sync_status nothing_new(lock_sync_watch *w)
{
    lock_sync_error *e = &w->ctx->error;

    if (w->is_denied) { /* the error already says that the guard denied the poll */
        int64_t left_us = w->opens_us - lsync_clock_boot_us();

        e->retry_after_ms = left_us <= 0 ? 0 : lsync_clock_ms_up(left_us);
        return e->status = LOCK_SYNC_E_TIMEOUT;
    }
    if (w->last_status == LOCK_SYNC_OK)
        return lsync_error_set(e, LOCK_SYNC_E_TIMEOUT, "no lock changed in time");
    return lsync_error_set(e, LOCK_SYNC_E_TIMEOUT, "no poll succeeded in time; the last one ended with %s",
                           lock_sync_status_name(w->last_status));
}

static lock_sync_status watch_until(lock_sync_watch *w, int64_t until_us, lock_sync_changes **changes)
{
    lock_sync_ctx *ctx = w->ctx;

    if (w->is_denied) /* asks the guard again, because the error with its decision may have been overwritten */
        w->due_us = 0;
    for (;;) {
        int64_t now_us = lsync_clock_boot_us();
        int64_t next_us;

        if (atomic_load(&ctx->cancelled))
            return lsync_ctx_cancelled(ctx);
        if (w->due_us <= now_us) {
            lock_sync_status status = poll(w, changes);

            if (status != LOCK_SYNC_E_TIMEOUT)
                return status;
            now_us = lsync_clock_boot_us();
        }
        if (until_us <= now_us)
            return nothing_new(w);
        next_us = w->due_us < until_us ? w->due_us : until_us;
        if (next_us > now_us)
            lsync_sleep_or_cancel(ctx, lsync_clock_ms_up(next_us - now_us));
    }
}

static int64_t deadline_us(int64_t timeout_ms)
{
    int64_t now_us = lsync_clock_boot_us();

    return timeout_ms < 0 || timeout_ms > (NEVER_US - now_us) / 1000 ? NEVER_US : now_us + timeout_ms * 1000;
}

lock_sync_status lock_sync_watch_next(lock_sync_watch *watch, int64_t timeout_ms, lock_sync_changes **out)
{
    lock_sync_status status;

    if (out != NULL)
        *out = NULL;
    if (watch == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (!lsync_ctx_begin(watch->ctx))
        return LOCK_SYNC_E_BUSY;
    if (out == NULL)
        status = lsync_ctx_reject(watch->ctx, "out is NULL");
    else
        status = watch_until(watch, deadline_us(timeout_ms), out);
    lsync_ctx_finish(watch->ctx);
    return lsync_ctx_end(watch->ctx, status);
}
