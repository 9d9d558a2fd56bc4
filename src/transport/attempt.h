/* One attempt to send a request through libcurl. Two drivers use it: a blocking fetch with the context's multi handle,
   and a pool with its multi handle for many accounts. */
#ifndef LSYNC_TRANSPORT_ATTEMPT_H
#define LSYNC_TRANSPORT_ATTEMPT_H

#include "transport/options.h"

/* Prepares the handle for an attempt. `before` describes the earlier attempts of the request; NULL for the first one.
   Returns OK, E_NO_MEMORY or E_NO_TRANSPORT (see lsync_transfer_init). After OK the driver must run the handle until it
   is done. In any case it must call lsync_transfer_finish. */
lock_sync_status lsync_transfer_prepare(lsync_transfer *t, const lock_sync_request *q, lock_sync_response *s,
                                        lsync_connections *connections, const lsync_attempts *before);

/* Decides whether and how the request is retried after an attempt that ended with `code`. Must be called before
   lsync_transfer_finish. For a retry the driver must copy t->attempts and pass it to the next lsync_transfer_prepare as
   `before`. */
lsync_retry lsync_transfer_retry(lsync_transfer *t, CURLcode code);

/* Ends the attempt: stores the HTTP status and the details of a failure in the response. Returns OK or the status of
   the failure. The transfer no longer uses request and response. */
lock_sync_status lsync_transfer_finish(lsync_transfer *t, CURLcode code);

#endif
