/* What contexts ask of a guard beside its public functions. */
#ifndef LSYNC_GUARD_GUARD_H
#define LSYNC_GUARD_GUARD_H

#include "guard/rule.h"
#include "locksync/guard.h"

/* A guard's answer. After a refusal: how long until it is sure to open, and until it may if the slot that is held is
   settled at once. */
typedef struct lsync_guard_answer {
    int64_t slot;
    int64_t wait_ms;
    int64_t soonest_ms;
} lsync_guard_answer;

/* As lock_sync_guard_reserve, also for the repeat after a 401. */
lock_sync_status lsync_guard_ask(lock_sync_guard *g, lsync_guard_kind kind, int64_t hold_ms,
                                 lsync_guard_answer *answer);

/* How a slot is to be settled. */
typedef struct lsync_settlement {
    lock_sync_guard_outcome outcome;
    int64_t retry_after_ms; /* with LIMITED; < 0: not told */
    uint32_t sends;         /* how often the request was sent: by libcurl twice, over HTTP/2 */
} lsync_settlement;

/* Settles a slot, and counts what was sent more than once. */
lock_sync_status lsync_guard_settle_all(lock_sync_guard *g, int64_t slot, const lsync_settlement *settlement);

/* Whether asking it may block: its store does I/O, or is the host's own. */
bool lsync_guard_may_block(const lock_sync_guard *g);

#endif
