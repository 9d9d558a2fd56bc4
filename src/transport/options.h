/* What libcurl is told about a transfer: an easy handle with all that the library's safety rules ask for. */
#ifndef LSYNC_TRANSPORT_OPTIONS_H
#define LSYNC_TRANSPORT_OPTIONS_H

#include "transport/types.h"

/* curl_global_init, once for the process, under a lock. OK or E_NO_MEMORY. */
lock_sync_status lsync_curl_global_init(void);

/* Makes the easy handle. OK, E_NO_MEMORY, or E_NO_TRANSPORT (this libcurl lacks what is needed); after a failure there
   is nothing to release. */
lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *distrusted_us);
void lsync_transfer_release(lsync_transfer *t);

/* A fresh handle in place of one that is worn. As lsync_transfer_init, but the transfer is there after a failure. */
lock_sync_status lsync_transfer_renew(lsync_transfer *t);

/* Sets what differs from request to request. Likewise. */
lock_sync_status lsync_transfer_set(lsync_transfer *t, const lock_sync_request *q);

#endif
