/* The inside of a watch: what it knows, and what the end of a poll means for it. */
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
    int64_t due_us;    /* of the next poll, boot clock */
    lsync_random dice; /* behind the jitter */
    uint32_t failures; /* that may pass, in a row */
    lock_sync_status last_status;
    bool is_held;                 /* the guard refused the last poll, and for longer than an interval */
    int64_t opens_us;             /* while it is held: when the guard is sure to open */
    lock_sync_results *last_good; /* owned; NULL: none yet */
    int64_t last_good_us;

    /* in a pool */
    lsync_watch_owner *owner; /* NULL: in none */

    const int64_t *ids; /* in `room`; NULL: all locks */
    size_t n;
    int64_t room[];
};

/* How long from the end of a poll to the next, in ms: after `failures` in a row, with a Retry-After (< 0: none), and a
   random number. Pure. */
int64_t lsync_watch_pause_ms(int64_t interval_ms, uint32_t failures, int64_t retry_after_ms, uint32_t random);

/* Takes in the end of a poll, with its results transferred, and sets when the next is due. Returns what is to be told:
   OK with changes, an error that does not pass by itself, or E_TIMEOUT: nothing. */
lock_sync_status lsync_watch_take(lock_sync_watch *w, lock_sync_status status, lock_sync_results *results,
                                  lock_sync_changes **changes);

/* Takes in that the guard refused a poll, and may open in `soonest_ms`. A short wait is no news: the guard spaces
   polls. */
void lsync_watch_denied(lock_sync_watch *w, int64_t soonest_ms);

#endif
