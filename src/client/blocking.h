/* The functions of the blocking fetch that the watch uses. */
#ifndef LSYNC_CLIENT_BLOCKING_H
#define LSYNC_CLIENT_BLOCKING_H

#include "client/steps.h"

/* Fetches for a watch; context, query and response of the run are set. The context must be marked as running. Does not
   wait for the guard: see lsync_fetch::is_denied. Results, directory and error are as after any fetch. */
void lsync_fetch_poll(lsync_run *x, int64_t deadline_us);

/* Sleeps for the given time, or until the fetch is cancelled. */
void lsync_sleep_or_cancel(lock_sync_ctx *ctx, int64_t ms);

#endif
