/* The data of a watch. */
#ifndef LSYNC_WATCH_STATE_H
#define LSYNC_WATCH_STATE_H

#include "base/buffer.h"
#include "base/random.h"
#include "client/steps.h"
#include "locksync/watch.h"
#include "watch/owner.h"
#include "watch/poll.h"

/* how long a directory is used: if it has all locks that are watched, and if it lacks one */
#define LSYNC_DIRECTORY_MS 3600000
#define LSYNC_INCOMPLETE_DIRECTORY_MS 300000

struct lock_sync_watch {
    lock_sync_ctx *ctx; /* must outlive the watch */
    lock_sync_allocator memory;
    int64_t interval_ms;
    int64_t due_us;      /* when the next poll is due, by the boot clock */
    lsync_random random; /* for the jitter */
    uint32_t failures;   /* retryable ones in a row */
    lock_sync_status last_status;
    bool is_denied;               /* the guard denied the last poll, for longer than an interval */
    int64_t opens_us;             /* if it is denied: when the guard grants a slot at the latest */
    lock_sync_results *last_good; /* owned; NULL: none yet */
    int64_t last_good_us;

    /* the poll that is under way; see poll.h */
    lsync_poll_step step;
    lock_sync_status status;            /* how it ends */
    lock_sync_results *states;          /* owned; NULL: not fetched yet */
    lock_sync_directory *new_directory; /* owned; NULL: not fetched */

    /* the directory, if it is followed */
    bool follows;
    bool needs_directory;           /* the states need a newer one */
    lock_sync_directory *directory; /* owned; NULL: none yet */
    int64_t directory_until_us;     /* when it is too old */
    int64_t directory_from_us;      /* it cannot be fetched before this time, because of the guard or an error */
    uint32_t directory_failures;    /* in a row */
    lsync_buffer removed;           /* lock_sync_lock: removed since the directory came */

    lsync_watch_owner *owner; /* the job of a pool; NULL: the watch is in no pool */

    int64_t *ids; /* in the watch's block, like the next */
    size_t n;     /* 0: all locks; of a watch by serial numbers: it has not found any */
    const char **serial_numbers;
    size_t serial_count; /* 0: the watch is by ids */
};

#endif
