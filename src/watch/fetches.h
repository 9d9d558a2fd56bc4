/* The course of a poll. Its drivers are lock_sync_watch_next() and the job of a pool. */
#ifndef LSYNC_WATCH_FETCHES_H
#define LSYNC_WATCH_FETCHES_H

#include "watch/state.h"

/* How a poll continues after the end of a fetch. */
typedef enum lsync_poll_end {
    LSYNC_POLL_CONTINUES, /* another fetch follows at once: lsync_watch_query() */
    LSYNC_POLL_DENIED,    /* the guard denied the poll */
    LSYNC_POLL_OVER       /* lsync_watch_take() has its result */
} lsync_poll_end;

/* Begins a poll. */
void lsync_watch_begin(lock_sync_watch *w);

/* Returns what the poll must fetch now. Its ids are borrowed until the poll is over. */
lsync_query lsync_watch_query(const lock_sync_watch *w);

/* Takes the outcome of a fetch out of the run. A denial for longer than an interval is recorded: a shorter one is how
   the guard spaces polls. */
lsync_poll_end lsync_watch_fetched(lock_sync_watch *w, lsync_run *x);

/* Ends a poll with E_CANCELLED, whatever its fetches returned. */
void lsync_watch_cancel(lock_sync_watch *w);

/* Frees what a poll has fetched. */
void lsync_watch_drop_fetched(lock_sync_watch *w);

/* Handles the end of a poll, and sets when the next is due. Returns what to report to the application: OK with changes,
   or an error that is not retryable. E_TIMEOUT: there is nothing to report. */
lock_sync_status lsync_watch_take(lock_sync_watch *w, lock_sync_changes **changes);

#endif
