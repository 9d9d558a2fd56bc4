/* The steps of a fetch: what each state of fetch.h does. Waiting is left to the drivers. */
#ifndef LSYNC_CLIENT_STEPS_H
#define LSYNC_CLIENT_STEPS_H

#include "client/context.h"
#include "client/fetch.h"
#include "guard/guard.h"
#include "locksync/directory.h"
#include "wire/response.h"

/* A running fetch. */
typedef struct lsync_run {
    lsync_fetch fetch;
    lock_sync_ctx *ctx;
    lsync_query query;                   /* its ids must outlive the run; its page is the one to request next */
    bool has_more;                       /* after SENDING: another page must be requested */
    int64_t slot;                        /* from the guard; 0: no slot */
    lsync_guard_reservation reservation; /* the guard's last decision */
    lsync_settlement settlement;         /* how the slot must be settled if the fetch ends now */
    lock_sync_request *q;                /* between prepare and conclude, like the next */
    lock_sync_response *s;               /* borrowed from the driver */
    int64_t started_us;                  /* boot clock */
    lock_sync_error unauthorized;        /* in RENEWING and EXTENDING: the details of the 401 */
    lock_sync_results *results;          /* NULL until conclude returns OK; transferred to the caller */
    lock_sync_directory *directory;      /* the pages so far; complete if the fetch ends with OK */
} lsync_run;

/* Returns the guard's mode for the fetch. CACHED is FAIL for a directory, which is not kept. */
lock_sync_guard_mode lsync_run_guard_mode(const lsync_run *x);

/* Returns the deadline of a fetch that begins now, by the boot clock. */
int64_t lsync_deadline_us(const lock_sync_ctx *ctx);

/* Returns the kind of the fetch's requests, by which the guard counts them. */
lock_sync_request_kind lsync_run_kind(const lsync_run *x);

/* Frees results and directory. */
void lsync_run_release(lsync_run *x);

/* Each step returns OK, or a status with the context's error set. */

/* CHECK: checks everything that needs no guard, provider or network. Makes the context's guard if one is needed. */
lock_sync_status lsync_step_check(lsync_run *x);

/* CREDENTIAL: asks the token provider if there is no usable credential. */
lock_sync_status lsync_step_credential(lsync_run *x);

/* SENDING, before the request is sent: makes request and response. After a failure nothing was sent. */
lock_sync_status lsync_step_prepare(lsync_run *x);

/* SENDING, after the transport returned: sets the results or the error, logs it, and frees request and response. */
lock_sync_status lsync_step_conclude(lsync_run *x, lock_sync_status performed);

/* SENDING, after an attempt that a retry follows: frees request and response. The settlement then counts the requests
   that were sent, in case the fetch ends before the retry. */
void lsync_step_retry(lsync_run *x);

/* RENEWING: asks the token provider for another credential. OK: the provider set a credential, and `unauthorized` has
   the details of the 401. */
lock_sync_status lsync_step_renew(lsync_run *x);

/* ASKING, EXTENDING and SETTLING: asks the guard, or settles. lsync_step_guard may run on any thread: it changes only
   slot, reservation and settlement of the run, and does not use the context. Then lsync_step_guard_done, on the
   context's thread, logs and sets the error. */
lock_sync_status lsync_step_guard(lsync_run *x, lock_sync_guard *guard);
lsync_fetch_input lsync_step_guard_done(lsync_run *x, lock_sync_status status);

/* Do the step in two halves, for a guard whose store has a channel. lsync_step_guard_task makes the task; E_TIMEOUT: no
   time is left, and the step is over. After the task, lsync_step_guard_result takes its result. */
lock_sync_status lsync_step_guard_task(lsync_run *x, lsync_guard_task *task);
void lsync_step_guard_result(lsync_run *x, const lsync_guard_task *task, lock_sync_status status);

/* Sets the error of a stop (E_CANCELLED or E_TIMEOUT), unless the fetch is SETTLING. Returns the input for the state
   machine. */
lsync_fetch_input lsync_step_stop(lsync_run *x, lock_sync_status status);

#endif
