/* One attempt to send a request through libcurl. Two drivers share it: a blocking fetch through a multi handle of
   its own, many accounts through the pool's. */
#ifndef LSYNC_TRANSPORT_ATTEMPT_H
#define LSYNC_TRANSPORT_ATTEMPT_H

#include "transport/options.h"

/* Readies the handle for an attempt to send a request; `before`: what its attempts before came to (NULL: there was
   none). OK, or as lsync_transfer_init. The next step is the driver's: run the handle to its end. */
lock_sync_status lsync_transfer_prepare(lsync_transfer *t, const lock_sync_request *q, lock_sync_response *s,
                                        lsync_sockets *sockets, const lsync_attempts *before);

/* Whether and how the request is to be sent once more after an attempt that ended with that code. If so, the driver
   keeps `attempts` for the next one. lsync_transfer_finish follows in any case. */
lsync_retry lsync_transfer_retry(lsync_transfer *t, CURLcode code);

/* What the attempt's end means, with status and detail put into the response. The request is let go of. */
lock_sync_status lsync_transfer_finish(lsync_transfer *t, CURLcode code);

#endif
