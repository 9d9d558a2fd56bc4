/* What libcurl's result codes mean to us. */
#ifndef LSYNC_TRANSPORT_STATUS_H
#define LSYNC_TRANSPORT_STATUS_H

#include "transport/types.h"

/* The status for a transfer that ended with `code`, which is not CURLE_OK. */
lock_sync_status lsync_status_of_curl(const lsync_transfer *t, CURLcode code);

/* The status for a handle that libcurl could not make: out of memory, or of file descriptors. */
lock_sync_status lsync_status_of_no_handle(void);

/* Puts into the response's `failure` what libcurl, or a callback of ours, says of it. */
void lsync_describe_curl_failure(lsync_transfer *t, CURLcode code);

#endif
