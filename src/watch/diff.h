/* What changed from one response to another. */
#ifndef LSYNC_WATCH_DIFF_H
#define LSYNC_WATCH_DIFF_H

#include "locksync/watch.h"

/* As lock_sync_diff, with before NULL for "nothing was known": every lock is added. */
lock_sync_status lsync_diff(const lock_sync_results *before, const lock_sync_results *after, lock_sync_changes **out);

#endif
