/* The effects of a fetch's states (fetch.h): what each of them does, without the waiting between them. */
#ifndef LSYNC_CLIENT_STEPS_H
#define LSYNC_CLIENT_STEPS_H

#include "client/context.h"
#include "client/fetch.h"
#include "guard/guard.h"
#include "wire/response.h"

/* A fetch while it runs. */
typedef struct lsync_run {
    lsync_fetch fetch;
    lock_sync_ctx *ctx;
    const int64_t *ids; /* must outlive it */
    size_t n;
    bool single;
    int64_t slot;                        /* the guard's; 0: none */
    lsync_guard_reservation reservation; /* to the last question */
    lsync_settlement settlement;         /* how the slot would have to be settled now */
    lock_sync_request *q;                /* between prepare and conclude, as the next */
    lock_sync_response *s;               /* the driver's */
    int64_t started_us;
    lock_sync_error unauthorized; /* RENEWING and EXTENDING: the 401's detail */
    lock_sync_results *results;   /* NULL until a conclude returned OK; transferred */
} lsync_run;

/* Each returns OK, or a status with the context's error set. */

/* CHECK: what can be told before anything is asked of guard, provider or network. The guard that will be asked is there
   then. */
lock_sync_status lsync_step_check(lsync_run *x);

/* CREDENTIAL: asks the token provider, if there is no usable one. */
lock_sync_status lsync_step_credential(lsync_run *x);

/* SENDING, before: makes request and response. After a failure nothing was sent. */
lock_sync_status lsync_step_prepare(lsync_run *x);

/* SENDING, after: turns what the transport returned into the results or the error, logs it, frees both. */
lock_sync_status lsync_step_conclude(lsync_run *x, lock_sync_status performed);

/* SENDING, after an attempt that another follows: frees request and response. What was sent counts if it ends here. */
void lsync_step_retry(lsync_run *x);

/* RENEWING: asks the provider for another credential. OK: it set one, and `unauthorized` holds the 401's detail. */
lock_sync_status lsync_step_renew(lsync_run *x);

/* ASKING, EXTENDING and SETTLING, on any thread: of the run it touches slot, answer and settlement, of the context
   nothing. Then on the context's own thread: logs, and sets the error. */
lock_sync_status lsync_step_guard(lsync_run *x, lock_sync_guard *guard);
lsync_fetch_input lsync_step_guard_done(lsync_run *x, lock_sync_status status);

/* Sets the error of a stop, E_CANCELLED or E_TIMEOUT, unless the fetch has its end and is SETTLING. Returns the
   input. */
lsync_fetch_input lsync_step_stop(lsync_run *x, lock_sync_status status);

#endif
