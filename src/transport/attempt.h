/* One attempt to send a request through libcurl. Two drivers use it: a blocking fetch with the context's multi handle,
   and a pool with its multi handle for many accounts. */
#ifndef LSYNC_TRANSPORT_ATTEMPT_H
#define LSYNC_TRANSPORT_ATTEMPT_H

#include "transport/options.h"

/* Prepares the handle for an attempt. `before` describes the earlier attempts of the request; NULL for the first one.
   Returns OK, or a status like lsync_transfer_init. Then the driver must run the handle until it is done. */
lock_sync_status lsync_transfer_prepare(lsync_transfer *t, const lock_sync_request *q, lock_sync_response *s,
                                        lsync_connections *connections, const lsync_attempts *before);

/* Decides whether and how the request is retried after an attempt that ended with `code`. For a retry the driver keeps
   `attempts` of the transfer. It must call lsync_transfer_finish in any case. */
lsync_retry lsync_transfer_retry(lsync_transfer *t, CURLcode code);

/* Ends the attempt: puts HTTP status and details into the response, and returns the status. The request is no longer
   used. */
lock_sync_status lsync_transfer_finish(lsync_transfer *t, CURLcode code);

#endif
