/* What contexts ask of a guard beside its public functions. */
#ifndef LSYNC_GUARD_GUARD_H
#define LSYNC_GUARD_GUARD_H

#include "guard/rule.h"
#include "locksync/guard.h"

/* A guard's answer. If it gave no slot: how long until it is sure to, until it may, and what the reason is. */
typedef struct lsync_guard_reservation {
    int64_t slot;
    int64_t wait_ms;
    int64_t soonest_ms;
    lsync_guard_reason reason;
} lsync_guard_reservation;

/* As lock_sync_guard_reserve_for. */
lock_sync_status lsync_guard_ask(lock_sync_guard *g, lock_sync_request_kind kind, int64_t lease_ms,
                                 lsync_guard_reservation *reservation);

/* Asks for another request in a slot whose first one is answered: the retry after a 401, the next page of a directory.
   `charges`: how often that one was sent more than once. OK, E_TOO_SOON (also if the lease has run out), E_GUARD,
   E_NO_MEMORY; unless it is OK the slot stays as it is, and the charges are not counted. */
lock_sync_status lsync_guard_extend_slot(lock_sync_guard *g, int64_t slot, uint32_t charges, int64_t lease_ms,
                                         lsync_guard_reservation *reservation);

/* How a slot is to be settled. */
typedef struct lsync_settlement {
    lock_sync_guard_outcome outcome;
    int64_t retry_after_ms; /* with LIMITED; < 0: the service did not say */
    uint32_t sends;         /* how often the request was sent: by libcurl twice, over HTTP/2 */
} lsync_settlement;

/* How often a request was sent beside the one time that its slot stands for. */
uint32_t lsync_settlement_charges(const lsync_settlement *settlement);

/* Settles a slot, and counts what was sent more than once. */
lock_sync_status lsync_guard_settle_all(lock_sync_guard *g, int64_t slot, const lsync_settlement *settlement);

/* Whether asking it may block: its store does I/O, or is the application's own. */
bool lsync_guard_may_block(const lock_sync_guard *g);

/* Takes a warning about the store that nobody has logged yet. False: there is none. */
bool lsync_guard_take_warning(lock_sync_guard *g, char *text, size_t size);

/* A sentence that says why a guard gives no slot. Static. */
const char *lsync_guard_reason_text(lsync_guard_reason reason);

#endif
