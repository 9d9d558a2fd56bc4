/* The steps of one fetch, without the waiting between them: what a blocking fetch and the pool have in common. */
#ifndef LSYNC_EXCHANGE_H
#define LSYNC_EXCHANGE_H

#include "admission.h"
#include "context.h"
#include "wire/response.h"

typedef struct lsync_exchange {
    lock_sync_ctx *ctx;
    const int64_t *ids; /* must outlive the exchange */
    size_t n;
    bool single;
    int64_t deadline_us; /* boot clock */
    lock_sync_request *q; /* between prepare and conclude, as the next */
    lock_sync_response *s; /* the driver's; must outlive the exchange */
    int64_t started_us;
    lsync_settlement settlement;  /* after conclude, or a failed prepare */
    lock_sync_results *results;   /* NULL until a conclude returned OK; transferred */
} lsync_exchange;

/* Each returns OK or a status with the context's error set. */

/* What can be told before anything is asked of guard, provider or network. */
lock_sync_status lsync_exchange_check(lsync_exchange *x);

/* Asks the token provider, if there is no usable credential. */
lock_sync_status lsync_exchange_credential(lsync_exchange *x);

/* Makes request and response, in the spare memory. After a failure nothing was sent. */
lock_sync_status lsync_exchange_prepare(lsync_exchange *x, lsync_spares *spares);

/* Turns what the transport returned into the results or the error, logs it, and gives the memory back. */
lock_sync_status lsync_exchange_conclude(lsync_exchange *x, lock_sync_status performed, lsync_spares *spares);

/* After a 401: asks the provider for another credential. OK: it set one, and `refusal` holds the 401's detail. Anything
   else ends the fetch, with the error set. */
lock_sync_status lsync_exchange_refused(lsync_exchange *x, lock_sync_error *refusal);

/* Ends a fetch whose repeat the guard did not allow (`status`): with the 401's own detail. Returns E_UNAUTHORIZED. */
lock_sync_status lsync_exchange_not_repeated(lsync_exchange *x, lock_sync_error *refusal, lock_sync_status status);

#endif
