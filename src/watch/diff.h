/* The changes between two responses. */
#ifndef LSYNC_WATCH_DIFF_H
#define LSYNC_WATCH_DIFF_H

#include "locksync/watch.h"

/* The states and the names that are known at one time. */
typedef struct lsync_known {
    const lock_sync_results *results;     /* NULL: nothing yet */
    const lock_sync_directory *directory; /* NULL: no names */
    lock_sync_lock *removed;              /* records that were removed since the directory came, one for each id */
    size_t removed_count;
} lsync_known;

/* Compares like lock_sync_diff(), and with names: also reports a lock that has another name, or, by its serial number,
   another id. The latter may have been removed earlier, while the directory was not known. Without earlier results
   every lock is reported as added. Allocates with the allocator of the later results. */
lock_sync_status lsync_diff(const lsync_known *before, const lsync_known *after, lock_sync_changes **out);

#endif
