/* A fetch as a state machine without I/O: the result of each step determines the next state. The drivers are the
   blocking fetch, the poll of a watch, and the job of a pool. Pure.

   A driver carries out the step of the state (see steps.h) and reports the result. It may report a stop at any time:
   the fetch was cancelled, its deadline passed, or its context is being freed. */
#ifndef LSYNC_CLIENT_FETCH_H
#define LSYNC_CLIENT_FETCH_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum lsync_fetch_state {
    LSYNC_FETCH_CHECK,      /* check ids, settings and credential, without I/O and without the token provider */
    LSYNC_FETCH_ASKING,     /* ask the guard for a slot */
    LSYNC_FETCH_WAITING,    /* wait until `at_us`, then ask the guard again */
    LSYNC_FETCH_KEPT,       /* use the kept results, if they cover the request */
    LSYNC_FETCH_CREDENTIAL, /* ask the token provider, if there is no usable credential */
    LSYNC_FETCH_SENDING,    /* send the request and handle the response */
    LSYNC_FETCH_RENEWING,   /* after a 401: ask the token provider for another credential */
    LSYNC_FETCH_EXTENDING,  /* ask the guard for another request in the slot */
    LSYNC_FETCH_SETTLING,   /* settle the slot */
    LSYNC_FETCH_DONE        /* the fetch ended with `status` */
} lsync_fetch_state;

typedef struct lsync_fetch {
    /* set by lsync_fetch_begin */
    lock_sync_guard_mode mode;
    bool is_poll;      /* the poll of a watch, which does not wait for the guard: the watch waits */
    bool has_provider; /* the context has a token provider */
    int64_t deadline_us;

    lsync_fetch_state state;
    bool has_slot;
    bool has_retried;        /* a retry after a 401 was begun */
    bool is_denied;          /* in DONE, of a poll: nothing was sent; ask the guard again at `at_us` */
    lock_sync_status stop;   /* the status of a stop that has not taken effect yet; OK: no stop */
    lock_sync_status status; /* the result of the fetch */
    int64_t at_us;           /* boot clock */
} lsync_fetch;

/* The report of a driver. */
typedef struct lsync_fetch_input {
    bool is_stop;            /* false: the result of the state's step */
    bool has_not_begun;      /* of a stop: the driver has not begun the step, and will not */
    lock_sync_status status; /* of the step; of a stop: E_CANCELLED or E_TIMEOUT */
    int64_t at_us;           /* for a denial in ASKING: when to ask again */
    bool has_more;           /* of SENDING that returned OK: another page must be requested */
} lsync_fetch_input;

/* Begins a fetch. Its first state is CHECK. */
void lsync_fetch_begin(lsync_fetch *f, lock_sync_guard_mode mode, bool is_poll, bool has_provider, int64_t deadline_us);

/* Goes to the next state. A stop does not interrupt a step of SENDING, ASKING or EXTENDING that has begun: the driver
   must still report its result. A slot that the step took is settled then. */
void lsync_fetch_next(lsync_fetch *f, const lsync_fetch_input *input);

#endif
