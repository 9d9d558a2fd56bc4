/* The tasks of a guard: to grant a slot, to extend one, or to settle one. */
#ifndef LSYNC_GUARD_TASK_H
#define LSYNC_GUARD_TASK_H

#include "guard/view.h"

/* A guard's decision on a request for a slot. The other members are set if it was denied. */
typedef struct lsync_guard_reservation {
    int64_t slot;       /* 0: denied */
    int64_t wait_ms;    /* until a slot is certain to be granted, if no other user asks */
    int64_t soonest_ms; /* until a slot may be granted */
    lsync_guard_reason reason;
} lsync_guard_reservation;

/* How a slot ended. */
typedef struct lsync_settlement {
    lock_sync_guard_outcome outcome;
    int64_t retry_after_ms; /* for LIMITED; < 0: the service sent none */
    uint32_t sends;         /* how often the request was sent: libcurl may send it twice over HTTP/2 */
} lsync_settlement;

/* Returns how often a request was sent, less the one time that its slot covers. */
uint32_t lsync_settlement_charges(const lsync_settlement *settlement);

typedef struct lsync_guard_task {
    lsync_guard_decide_fn decide; /* its `user` is the task */
    lsync_guard_request request;
    lsync_guard_ending ending; /* of settling; of extending: the charges */
    bool settles;              /* the ending must be kept if the store fails */
    lsync_guard_reservation reservation;
} lsync_guard_task;

/* Asks for a slot, as lock_sync_guard_reserve_for(). */
lsync_guard_task lsync_guard_task_ask(lock_sync_request_kind kind, int64_t lease_ms);

/* Extends a slot by another request, after the response to the last one: the retry after a 401, the next page of a
   directory. `charges` is how often the last request was sent, less one. E_TOO_SOON also if the lease has run out. On
   failure the slot stays as it is and no charge is counted. */
lsync_guard_task lsync_guard_task_extend(int64_t slot, uint32_t charges, int64_t lease_ms);

/* Settles a slot, and counts each time the request was sent. */
lsync_guard_task lsync_guard_task_settle(int64_t slot, const lsync_settlement *settlement);

/* Returns the decision that a task needs; it borrows both. */
lsync_guard_decision lsync_guard_task_decision(lsync_guard_task *task, const lsync_guard_limits *limits);

/* Returns the status of a task whose decision is valid: OK, or E_TOO_SOON. */
lock_sync_status lsync_guard_task_status(const lsync_guard_task *task);

#endif
