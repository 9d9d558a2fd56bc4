/* What the watch asks of the blocking fetch. */
#ifndef LSYNC_CLIENT_BLOCKING_H
#define LSYNC_CLIENT_BLOCKING_H

#include "client/context.h"

/* A fetch of a context that is marked as running. It does not wait for the guard: *again_ms is when to ask it again,
   and nothing happened; or < 0, and the fetch ended with the status that is returned, with the error set. */
lock_sync_status lsync_fetch_poll(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_results **results,
                                  int64_t *again_ms);

/* Sleeps until the time is over or the fetch is cancelled. */
void lsync_sleep_or_cancel(lock_sync_ctx *ctx, int64_t ms);

#endif
