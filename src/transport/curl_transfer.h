/* One transfer through libcurl: an easy handle with all that the library's safety rules ask for. Shared by whoever
   drives it: a blocking fetch through a multi handle of its own, many accounts through the pool's. */
#ifndef LSYNC_TRANSPORT_CURL_TRANSFER_H
#define LSYNC_TRANSPORT_CURL_TRANSFER_H

#include "transport/curl_types.h"

/* curl_global_init, once for the process, under a lock. OK or E_NO_MEMORY. */
lock_sync_status lsync_curl_global_init(void);

/* Makes the easy handle. OK, E_NO_MEMORY, or E_NO_TRANSPORT (this libcurl lacks what is needed); after a failure there
   is nothing to release. */
lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *distrusted_us);
void lsync_transfer_release(lsync_transfer *t);

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
