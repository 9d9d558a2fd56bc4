/* When a watch polls, and which fetches one poll has. Pure. */
#ifndef LSYNC_WATCH_POLL_H
#define LSYNC_WATCH_POLL_H

#include "locksync/common.h"

/* The fetch of a poll that is under way. */
typedef enum lsync_poll_step {
    LSYNC_POLL_NONE,   /* no poll is under way */
    LSYNC_POLL_START,  /* fetches the directory, whose states are the response */
    LSYNC_POLL_STATES, /* fetches the states */
    LSYNC_POLL_NAMES   /* fetches the directory after states that need a newer one */
} lsync_poll_step;

/* The next step depends on these. */
typedef struct lsync_poll_facts {
    bool has_ids;         /* the states can be fetched: all locks are watched, or the id of one is known */
    bool has_directory;   /* or states, which a directory's would not replace */
    bool needs_directory; /* it is missing, or too old for the states */
    bool may_fetch_it;    /* the directory is followed, and no guard or error delays it */
} lsync_poll_facts;

/* Returns the step after `step`, whose fetch ended with `status`; in NONE a poll begins. */
lsync_poll_step lsync_poll_next(lsync_poll_step step, lock_sync_status status, const lsync_poll_facts *facts);

/* Returns the time from the end of one try to the next, in ms. `failures` is the number of failed ones in a row,
   `retry_after_ms` a Retry-After (< 0: none), `random` any number. */
int64_t lsync_poll_pause_ms(int64_t interval_ms, uint32_t failures, int64_t retry_after_ms, uint32_t random);

#endif
