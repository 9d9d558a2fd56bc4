/* Maps libcurl's result codes to statuses. */
#ifndef LSYNC_TRANSPORT_STATUS_H
#define LSYNC_TRANSPORT_STATUS_H

#include "transport/types.h"

/* Returns the status of a transfer that ended with `code`, which must not be CURLE_OK. */
lock_sync_status lsync_status_of_curl(const lsync_transfer *t, CURLcode code);

/* Returns the status for a handle that libcurl could not make: out of memory, or out of file descriptors. */
lock_sync_status lsync_status_of_no_handle(void);

/* Writes a description of the failure to the response's `failure`: the library's text, or libcurl's. */
void lsync_describe_curl_failure(lsync_transfer *t, CURLcode code);

#endif
