/* The fetches of a poll, and its end; see fetches.h. */
#include "watch/fetches.h"
#include "base/clock.h"
#include "watch/names.h"

#define DIRECTORY_PAUSE_MS 60000 /* after an error, to the next try: the service's interval */

static uint32_t draw_random(lock_sync_watch *w)
{
    return (uint32_t)(lsync_random_next(&w->random) >> 31); /* of 63 random bits */
}

/* --- the fetches of a poll --- */

/* Goes to the step of the poll that follows the end of the current one. */
static void next_step(lock_sync_watch *w, lock_sync_status status)
{
    int64_t now_us = lsync_clock_boot_us();
    const lsync_poll_facts facts = {
        .has_ids = w->serial_count == 0 || w->n > 0,
        .has_directory = w->directory != NULL || w->last_good != NULL,
        .needs_directory = w->needs_directory || w->directory == NULL || w->directory_until_us <= now_us,
        .may_fetch_it = w->follows && w->directory_from_us <= now_us,
    };

    w->step = lsync_poll_next(w->step, status, &facts);
}

void lsync_watch_drop_fetched(lock_sync_watch *w)
{
    lock_sync_results_free(w->states);
    w->states = NULL;
    lock_sync_directory_free(w->new_directory);
    w->new_directory = NULL;
}

void lsync_watch_begin(lock_sync_watch *w)
{
    lsync_watch_drop_fetched(w);
    w->step = LSYNC_POLL_NONE;
    next_step(w, LOCK_SYNC_OK);
}

lsync_query lsync_watch_query(const lock_sync_watch *w)
{
    return w->step == LSYNC_POLL_STATES ? (lsync_query){.ids = w->n == 0 ? NULL : w->ids, .n = w->n}
                                        : (lsync_query){.page = 1};
}

static void take_states(lock_sync_watch *w, lsync_run *x)
{
    w->states = x->results;
    x->results = NULL;
    if (w->follows &&
        lsync_names_are_old(&(lsync_known){.results = w->last_good, .directory = w->directory}, w->states))
        w->needs_directory = true;
}

/* Takes the directory out of the run, or records when it can be fetched. */
static void take_directory(lock_sync_watch *w, lsync_run *x)
{
    lock_sync_status status = x->fetch.status;

    if (status == LOCK_SYNC_OK) {
        w->new_directory = x->directory;
        x->directory = NULL;
        w->directory_failures = 0;
        if (w->ctx->guard_mode == LOCK_SYNC_GUARD_OFF) /* else the guard spaces directories */
            w->directory_from_us = lsync_clock_boot_us() + INT64_C(1000) * DIRECTORY_PAUSE_MS * x->query.page;
    } else if (x->fetch.is_denied) {
        w->directory_from_us = x->fetch.at_us;
    } else if (status != LOCK_SYNC_E_CANCELLED) {
        int64_t pause_ms = lsync_poll_pause_ms(DIRECTORY_PAUSE_MS, ++w->directory_failures,
                                               lock_sync_error_retry_after_ms(&w->ctx->error), draw_random(w));

        w->directory_from_us = lsync_clock_boot_us() + pause_ms * 1000;
    }
}

static void note_denied(lock_sync_watch *w, int64_t soonest_ms)
{
    if (soonest_ms <= w->interval_ms)
        return;
    w->last_status = LOCK_SYNC_E_TOO_SOON;
    w->is_denied = true;
}

lsync_poll_end lsync_watch_fetched(lock_sync_watch *w, lsync_run *x)
{
    lock_sync_status status = x->fetch.status;
    lsync_poll_step ended = w->step;

    if (ended == LSYNC_POLL_STATES)
        take_states(w, x);
    else
        take_directory(w, x);
    lsync_run_release(x);
    if (ended != LSYNC_POLL_NAMES || status == LOCK_SYNC_E_CANCELLED)
        w->status = status; /* without newer names, the states are still the result */
    next_step(w, status);
    if (w->step != LSYNC_POLL_NONE)
        return LSYNC_POLL_CONTINUES;
    if (ended == LSYNC_POLL_NAMES || !x->fetch.is_denied)
        return LSYNC_POLL_OVER;
    note_denied(w, x->reservation.soonest_ms);
    return LSYNC_POLL_DENIED;
}

/* --- the end of a poll --- */

void lsync_watch_cancel(lock_sync_watch *w)
{
    lsync_watch_drop_fetched(w);
    w->step = LSYNC_POLL_NONE;
    w->status = LOCK_SYNC_E_CANCELLED;
}

/* Makes the response of a watch by serial numbers, whose ids may have changed. */
static bool collect_states(lock_sync_watch *w)
{
    const lsync_known before = {.results = w->states, .directory = w->directory};
    lock_sync_results *r;

    if (w->new_directory != NULL)
        w->n = lsync_names_find(w->new_directory, &before, w->serial_numbers, w->serial_count, w->ids);
    r = lsync_names_collect(w->states, w->new_directory, w->ids, w->n);
    if (r == NULL)
        return false;
    lock_sync_results_free(w->states);
    w->states = r;
    return true;
}

/* Completes the response of the poll. False: out of memory. */
static bool make_response(lock_sync_watch *w)
{
    if (w->serial_count > 0)
        return collect_states(w);
    if (w->states == NULL) /* START */
        w->states = lsync_names_states(w->new_directory, w->ids, w->n);
    return w->states != NULL;
}

/* Keeps the record of a lock that was removed, instead of an earlier one with its id. */
static lock_sync_status keep_record(lsync_buffer *removed, const lock_sync_lock *lock)
{
    lock_sync_lock *records = (void *)removed->data;

    for (size_t i = 0; i < removed->size / sizeof *lock; i++) {
        if (records[i].id == lock->id) {
            records[i] = *lock;
            return LOCK_SYNC_OK;
        }
    }
    return lsync_buffer_append(removed, lock, sizeof *lock);
}

/* Keeps the records of locks that are removed while the directory is not known: they may have another id. */
static bool keep_removed(lock_sync_watch *w, const lock_sync_changes *changes)
{
    lock_sync_status status = LOCK_SYNC_OK;

    if (w->new_directory != NULL || w->directory == NULL)
        return true;
    for (size_t i = 0; status == LOCK_SYNC_OK && i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);

        if (change->after == NULL)
            status = keep_record(&w->removed, change->before);
    }
    return status == LOCK_SYNC_OK;
}

static void keep_directory(lock_sync_watch *w)
{
    if (w->new_directory == NULL || !w->follows) /* it may have been switched off meanwhile */
        return;
    lock_sync_directory_free(w->directory);
    w->directory = w->new_directory;
    w->new_directory = NULL;
    lsync_buffer_free(&w->removed);
    w->directory_until_us = lsync_clock_boot_us() +
                            INT64_C(1000) *
                                (w->n < w->serial_count ? LSYNC_INCOMPLETE_DIRECTORY_MS : LSYNC_DIRECTORY_MS);
    w->needs_directory = false;
}

/* Compares the response with the last one. Returns false if memory ran out. */
static bool compare(lock_sync_watch *w, lock_sync_changes **changes)
{
    const lsync_known before = {w->last_good, w->directory, (void *)w->removed.data,
                                w->removed.size / sizeof(lock_sync_lock)};
    lsync_known after = {.directory = w->new_directory != NULL && w->follows ? w->new_directory : w->directory};

    if (!make_response(w))
        return false;
    after.results = w->states;
    if (lsync_diff(&before, &after, changes) != LOCK_SYNC_OK)
        return false;
    if (keep_removed(w, *changes))
        return true;
    lock_sync_changes_free(*changes);
    *changes = NULL;
    return false;
}

/* Compares the response with the last one, and replaces that. *changes is NULL if nothing changed. */
static lock_sync_status take_response(lock_sync_watch *w, lock_sync_changes **changes)
{
    static const lsync_known nothing = {.results = NULL};
    bool is_first = w->last_good == NULL;

    if (!compare(w, changes)) {
        /* the response is dropped: the next poll fetches the same again, and finds the same changes */
        if (w->new_directory != NULL) {
            w->needs_directory = true;
            w->directory_from_us = 0;
        }
        if (w->serial_count > 0) /* the ids are those of the directory that stays */
            w->n = lsync_names_find(w->directory, &nothing, w->serial_numbers, w->serial_count, w->ids);
        lsync_watch_drop_fetched(w);
        return lsync_error_no_memory(&w->ctx->error);
    }
    lock_sync_results_free(w->last_good);
    w->last_good = w->states;
    w->states = NULL;
    w->last_good_us = lsync_clock_boot_us();
    keep_directory(w);
    if (lock_sync_changes_count(*changes) == 0 && !is_first) {
        lock_sync_changes_free(*changes);
        *changes = NULL;
    }
    return LOCK_SYNC_OK;
}

lock_sync_status lsync_watch_take(lock_sync_watch *w, lock_sync_changes **changes)
{
    lock_sync_status status = w->status;
    int64_t retry_after_ms = status == LOCK_SYNC_OK ? -1 : lock_sync_error_retry_after_ms(&w->ctx->error);
    int64_t pause_ms;

    *changes = NULL;
    if (status == LOCK_SYNC_OK)
        status = take_response(w, changes);
    w->last_status = status;
    w->is_denied = false;
    if (lock_sync_status_is_retryable(status)) {
        status = LOCK_SYNC_E_TIMEOUT;
        w->failures += w->failures < UINT32_MAX;
    } else if (status != LOCK_SYNC_E_CANCELLED) {
        w->failures = 0;
    }
    pause_ms = lsync_poll_pause_ms(w->interval_ms, w->failures, retry_after_ms, draw_random(w));
    w->due_us = lsync_clock_boot_us() + pause_ms * 1000;
    return status == LOCK_SYNC_OK && *changes == NULL ? LOCK_SYNC_E_TIMEOUT : status;
}
