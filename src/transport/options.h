/* The options of a transfer: an easy handle that is set up by the library's safety rules. */
#ifndef LSYNC_TRANSPORT_OPTIONS_H
#define LSYNC_TRANSPORT_OPTIONS_H

#include "transport/types.h"

/* Calls curl_global_init() once for the process, under a lock. Returns OK or E_NO_MEMORY. */
lock_sync_status lsync_curl_global_init(void);

/* Makes the easy handle. *tls_failed_us is the boot clock's time when TLS last failed, or memory last ran out, in the
   multi handle; 0: never. Returns OK, E_NO_MEMORY, or E_NO_TRANSPORT (this libcurl lacks a required feature). After a
   failure there is nothing to release. */
lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *tls_failed_us);
void lsync_transfer_release(lsync_transfer *t);

/* Replaces the handle if must_replace_handle is set. Returns OK, E_NO_MEMORY or E_NO_TRANSPORT; after a failure the
   transfer still exists. */
lock_sync_status lsync_transfer_replace_handle(lsync_transfer *t);

/* Sets the options that differ from request to request. Returns OK, E_NO_MEMORY or E_NO_TRANSPORT. */
lock_sync_status lsync_transfer_set(lsync_transfer *t, const lock_sync_request *q);

#endif
