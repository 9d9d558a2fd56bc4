/* A guard's functions for contexts and pools, besides the public ones. */
#ifndef LSYNC_GUARD_GUARD_H
#define LSYNC_GUARD_GUARD_H

#include "guard/rule.h"
#include "locksync/guard.h"

/* A guard's decision on a request for a slot. The other members are set if it was denied. */
typedef struct lsync_guard_reservation {
    int64_t slot;       /* 0: denied */
    int64_t wait_ms;    /* until a slot is certain to be granted, if no other user asks */
    int64_t soonest_ms; /* until a slot may be granted */
    lsync_guard_reason reason;
} lsync_guard_reservation;

/* As lock_sync_guard_reserve_for(). */
lock_sync_status lsync_guard_ask(lock_sync_guard *g, lock_sync_request_kind kind, int64_t lease_ms,
                                 lsync_guard_reservation *reservation);

/* Extends a slot by another request, after the response to the last one: the retry after a 401, the next page of a
   directory. `charges` is how often the last request was sent, less one. Returns OK, E_TOO_SOON (also if the lease has
   run out), E_GUARD or E_NO_MEMORY. On failure the slot stays as it is and no charge is counted. */
lock_sync_status lsync_guard_extend_slot(lock_sync_guard *g, int64_t slot, uint32_t charges, int64_t lease_ms,
                                         lsync_guard_reservation *reservation);

/* How a slot ended. */
typedef struct lsync_settlement {
    lock_sync_guard_outcome outcome;
    int64_t retry_after_ms; /* for LIMITED; < 0: the service sent none */
    uint32_t sends;         /* how often the request was sent: libcurl may send it twice over HTTP/2 */
} lsync_settlement;

/* Returns how often a request was sent, less the one time that its slot covers. */
uint32_t lsync_settlement_charges(const lsync_settlement *settlement);

/* Settles a slot, and counts each time the request was sent. */
lock_sync_status lsync_guard_settle_all(lock_sync_guard *g, int64_t slot, const lsync_settlement *settlement);

/* Whether a request to the guard may block: its store does I/O, or is the application's. */
bool lsync_guard_may_block(const lock_sync_guard *g);

/* Takes a warning about the store that has not been logged yet. False: no warning. */
bool lsync_guard_take_warning(lock_sync_guard *g, char *text, size_t size);

/* Returns a sentence that says why a guard denied a slot; static. */
const char *lsync_guard_reason_text(lsync_guard_reason reason);

#endif
