/* A fetch as a machine without I/O: what is to be done next, by what came of the last step. The blocking fetch, the poll
   of a watch and the job of a pool all drive this one. Pure.

   A driver does what the state says (steps.h has the effects), and reports the result. It may report a stop at any time:
   the fetch was cancelled, its deadline passed, or its context is being freed. */
#ifndef LSYNC_CLIENT_FETCH_H
#define LSYNC_CLIENT_FETCH_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum lsync_fetch_state {
    LSYNC_FETCH_CHECK,      /* ids, settings and credential are checked, as far as that needs nobody */
    LSYNC_FETCH_ASKING,     /* the guard is asked for a slot */
    LSYNC_FETCH_WAITING,    /* until `at_us`: then the guard is asked again */
    LSYNC_FETCH_KEPT,       /* the response that is kept may do */
    LSYNC_FETCH_CREDENTIAL, /* a usable credential is there, or the provider is asked for one */
    LSYNC_FETCH_SENDING,    /* the request is on its way */
    LSYNC_FETCH_RENEWING,   /* after a 401: the provider is asked for another credential */
    LSYNC_FETCH_EXTENDING,  /* the guard is asked for another request in the slot */
    LSYNC_FETCH_SETTLING,   /* the guard is told how the slot ended */
    LSYNC_FETCH_DONE        /* with `status` */
} lsync_fetch_state;

typedef struct lsync_fetch {
    /* set by lsync_fetch_begin */
    lock_sync_guard_mode mode;
    bool is_poll;      /* a watch's: it never waits for the guard, the watch does */
    bool has_provider; /* of credentials */
    int64_t deadline_us;

    lsync_fetch_state state;
    bool has_slot;
    bool has_retried;        /* after a 401 */
    bool is_denied;          /* DONE: nothing was sent, and the guard is to be asked again at `at_us` */
    lock_sync_status stop;   /* OK: nobody has stopped it */
    lock_sync_status status; /* that it ends with */
    int64_t at_us;
} lsync_fetch;

/* What a driver reports. */
typedef struct lsync_fetch_input {
    bool is_stop;            /* else it is the result of the state's step */
    lock_sync_status status; /* of the step; of a stop: E_CANCELLED or E_TIMEOUT */
    int64_t at_us;           /* of ASKING that was denied: when to ask again */
} lsync_fetch_input;

/* Begins a fetch. Its first state is CHECK. */
void lsync_fetch_begin(lsync_fetch *f, lock_sync_guard_mode mode, bool is_poll, bool has_provider, int64_t deadline_us);

/* Goes on to the next state. The result of SENDING, ASKING and EXTENDING comes also after a stop: what is on its way is
   not called back, and a slot that comes is settled. */
void lsync_fetch_next(lsync_fetch *f, const lsync_fetch_input *input);

#endif
