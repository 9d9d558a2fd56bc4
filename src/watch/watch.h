/* A watch: its data, and what it does at the end of a poll. */
#ifndef LSYNC_WATCH_WATCH_H
#define LSYNC_WATCH_WATCH_H

#include "base/random.h"
#include "client/context.h"
#include "locksync/watch.h"
#include "watch/owner.h"

struct lock_sync_watch {
    lock_sync_ctx *ctx; /* must outlive the watch */
    lock_sync_allocator memory;
    int64_t interval_ms;
    int64_t due_us;      /* when the next poll is due, by the boot clock */
    lsync_random random; /* for the jitter */
    uint32_t failures;   /* retryable ones in a row */
    lock_sync_status last_status;
    bool is_denied;               /* the guard denied the last poll, for longer than an interval */
    int64_t opens_us;             /* if it is denied: when the guard grants a slot at the latest */
    lock_sync_results *last_good; /* owned; NULL: none yet */
    int64_t last_good_us;

    lsync_watch_owner *owner; /* the job of a pool; NULL: the watch is in no pool */

    const int64_t *ids; /* in `id_storage`; NULL: all locks */
    size_t n;
    int64_t id_storage[];
};

/* Returns the time from the end of a poll to the next, in ms. `failures` is the number of failed polls in a row,
   `retry_after_ms` a Retry-After (< 0: none), `random` any number. Pure. */
int64_t lsync_watch_pause_ms(int64_t interval_ms, uint32_t failures, int64_t retry_after_ms, uint32_t random);

/* Handles the end of a poll (`results` is transferred) and sets when the next is due. Returns what to report to the
   application: OK with changes, or an error that is not retryable. E_TIMEOUT: there is nothing to report. */
lock_sync_status lsync_watch_take(lock_sync_watch *w, lock_sync_status status, lock_sync_results *results,
                                  lock_sync_changes **changes);

/* Records that the guard denied a poll and may grant one in `soonest_ms`. A wait up to the interval is not recorded: it
   is how the guard spaces polls. */
void lsync_watch_denied(lock_sync_watch *w, int64_t soonest_ms);

#endif
