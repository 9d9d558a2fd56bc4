/* The changes between two results. */
#ifndef LSYNC_WATCH_DIFF_H
#define LSYNC_WATCH_DIFF_H

#include "locksync/watch.h"

/* As lock_sync_diff(), but `before` can be NULL: then every lock is reported as added. */
lock_sync_status lsync_diff(const lock_sync_results *before, const lock_sync_results *after, lock_sync_changes **out);

#endif
