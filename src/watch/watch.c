/* The watch: polls at the right times, and reports changes; see watch.h. */
#include "watch/watch.h"
#include "watch/diff.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/blocking.h"

#include <inttypes.h>
#include <string.h>

#define DEFAULT_INTERVAL_MS 20000
#define INTERVAL_MS_MAX 86400000
#define BACKOFF_MAX 30             /* intervals */
#define RETRY_AFTER_MS_MAX 3600000 /* the service's rate limits are per hour */
#define NEVER_US INT64_MAX

/* --- when to poll --- */

int64_t lsync_watch_pause_ms(int64_t interval_ms, uint32_t failures, int64_t retry_after_ms, uint32_t random)
{
    int64_t intervals = failures < 2 ? 1 : failures > 5 ? BACKOFF_MAX : (int64_t)1 << (failures - 1);
    int64_t pause_ms = interval_ms * intervals;
    int64_t jitter_ms = pause_ms / 10 * random / UINT32_MAX;

    if (retry_after_ms > RETRY_AFTER_MS_MAX)
        retry_after_ms = RETRY_AFTER_MS_MAX;
    /* jitter never makes the pause shorter than the interval or longer than the backoff */
    pause_ms += intervals == 1 ? jitter_ms : -jitter_ms;
    return retry_after_ms > pause_ms ? retry_after_ms + jitter_ms : pause_ms;
}

static uint32_t draw_random(lock_sync_watch *w)
{
    return (uint32_t)(lsync_random_next(&w->random) >> 31); /* of 63 random bits */
}

/* Whether a fetch that ended with this status and error may have sent a request. After a 401 the status is the token
   provider's and shows nothing, but the error has the HTTP status. */
static bool may_have_sent(lock_sync_status status, const lock_sync_error *e)
{
    return e->http_status != 0 || (status != LOCK_SYNC_E_INVALID_ARGUMENT && status != LOCK_SYNC_E_NO_CREDENTIAL &&
                                   status != LOCK_SYNC_E_NO_TRANSPORT);
}

/* --- the end of a poll --- */

/* Compares the results with the last ones, and replaces those. *changes is NULL if nothing changed. */
static lock_sync_status take_results(lock_sync_watch *w, lock_sync_results *results, lock_sync_changes **changes)
{
    bool is_first = w->last_good == NULL;

    if (lsync_diff(w->last_good, results, changes) != LOCK_SYNC_OK) {
        /* these results are dropped: the next poll finds the same changes */
        lock_sync_results_free(results);
        return lsync_error_no_memory(&w->ctx->error);
    }
    lock_sync_results_free(w->last_good);
    w->last_good = results;
    w->last_good_us = lsync_clock_boot_us();
    if (lock_sync_changes_count(*changes) == 0 && !is_first) {
        lock_sync_changes_free(*changes);
        *changes = NULL;
    }
    return LOCK_SYNC_OK;
}

lock_sync_status lsync_watch_take(lock_sync_watch *w, lock_sync_status status, lock_sync_results *results,
                                  lock_sync_changes **changes)
{
    int64_t retry_after_ms = status == LOCK_SYNC_OK ? -1 : lock_sync_error_retry_after_ms(&w->ctx->error);
    int64_t pause_ms;

    *changes = NULL;
    if (status == LOCK_SYNC_OK)
        status = take_results(w, results, changes);
    w->last_status = status;
    w->is_denied = false;
    if (lock_sync_status_is_retryable(status)) {
        status = LOCK_SYNC_E_TIMEOUT;
        w->failures += w->failures < UINT32_MAX;
    } else if (status != LOCK_SYNC_E_CANCELLED) {
        w->failures = 0;
    }
    pause_ms = lsync_watch_pause_ms(w->interval_ms, w->failures, retry_after_ms, draw_random(w));
    w->due_us = lsync_clock_boot_us() + pause_ms * 1000;
    return status == LOCK_SYNC_OK && *changes == NULL ? LOCK_SYNC_E_TIMEOUT : status;
}

void lsync_watch_denied(lock_sync_watch *w, int64_t soonest_ms)
{
    if (soonest_ms <= w->interval_ms)
        return;
    w->last_status = LOCK_SYNC_E_TOO_SOON;
    w->is_denied = true;
}

/* --- pull style --- */

/* Polls if the guard allows it now, else sets when to ask it again. Returns as lsync_watch_take. */
static lock_sync_status poll(lock_sync_watch *w, lock_sync_changes **changes)
{
    lock_sync_results *results = NULL;
    int64_t again_ms;
    lock_sync_status status = lsync_fetch_poll(w->ctx, w->ids, w->n, &results, &again_ms);

    if (again_ms >= 0) {
        int64_t now_us = lsync_clock_boot_us();

        w->due_us = now_us + (again_ms > 0 ? again_ms : 1) * 1000;
        w->opens_us = now_us + w->ctx->error.retry_after_ms * 1000;
        lsync_watch_denied(w, again_ms);
        return LOCK_SYNC_E_TIMEOUT;
    }
    status = lsync_watch_take(w, status, results, changes);
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
        if (atomic_load(&ctx->cancelled))
            return lsync_ctx_cancelled(ctx);
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

/* --- life cycle, settings, state --- */

lock_sync_status lock_sync_watch_new(lock_sync_ctx *ctx, const int64_t *ids, size_t count, lock_sync_watch **out)
{
    lock_sync_status status;
    lock_sync_watch *watch;
    size_t size;

    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check(ctx);
    if (status != LOCK_SYNC_OK)
        return status;
    if (out == NULL)
        return lsync_ctx_reject(ctx, "out is NULL");
    status = lsync_request_check_ids(ids, count, &ctx->error);
    if (status != LOCK_SYNC_OK)
        return status;
    watch = lsync_size_mul(count, sizeof ids[0], &size) && lsync_size_add(size, sizeof *watch, &size)
                ? lsync_alloc(&ctx->memory, size)
                : NULL;
    if (watch == NULL)
        return lsync_error_no_memory(&ctx->error);
    memset(watch, 0, sizeof *watch);
    watch->ctx = ctx;
    watch->memory = ctx->memory;
    watch->interval_ms = DEFAULT_INTERVAL_MS;
    lsync_random_seed(&watch->random);
    if (count > 0) {
        memcpy(watch->id_storage, ids, count * sizeof ids[0]);
        watch->ids = watch->id_storage;
        watch->n = count;
    }
    *out = watch;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_watch_set_interval_ms(lock_sync_watch *watch, int64_t interval_ms)
{
    if (watch == NULL || interval_ms < 1 || interval_ms > INTERVAL_MS_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    watch->interval_ms = interval_ms;
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_watch_last_status(const lock_sync_watch *watch)
{
    return watch == NULL ? LOCK_SYNC_OK : watch->last_status;
}

const lock_sync_results *lock_sync_watch_results(const lock_sync_watch *watch)
{
    return watch == NULL ? NULL : watch->last_good;
}

int64_t lock_sync_watch_age_ms(const lock_sync_watch *watch)
{
    return watch == NULL || watch->last_good == NULL ? -1 : (lsync_clock_boot_us() - watch->last_good_us) / 1000;
}

int64_t lock_sync_watch_due_in_ms(const lock_sync_watch *watch)
{
    int64_t left_us = watch == NULL ? 0 : watch->due_us - lsync_clock_boot_us();

    return left_us <= 0 ? 0 : lsync_clock_ms_up(left_us);
}

void lock_sync_watch_free(lock_sync_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->owner != NULL)
        watch->owner->leave(watch->owner);
    lock_sync_results_free(watch->last_good);
    lsync_free(&watch->memory, watch);
}
