/* The functions of the blocking fetch that the watch uses. */
#ifndef LSYNC_CLIENT_BLOCKING_H
#define LSYNC_CLIENT_BLOCKING_H

#include "client/context.h"

/* Fetches for a watch. The context must be marked as running. Does not wait for the guard: if the guard denies the
   request, *again_ms is the time until the next try. Otherwise *again_ms is < 0 and the fetch has ended; the status is
   returned and the error is set. */
lock_sync_status lsync_fetch_poll(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_results **results,
                                  int64_t *again_ms);

/* Sleeps for the given time, or until the fetch is cancelled. */
void lsync_sleep_or_cancel(lock_sync_ctx *ctx, int64_t ms);

#endif
