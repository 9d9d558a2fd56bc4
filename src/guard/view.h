/* A guard's view of a shared store: the record that the guard saw last, and the outcomes that it could not write. Pure:
   times are arguments. */
#ifndef LSYNC_GUARD_VIEW_H
#define LSYNC_GUARD_VIEW_H

#include "guard/lineage.h"
#include "guard/record.h"

#include <stddef.h>

#define LSYNC_GUARD_KEPT_MAX 8
#define LSYNC_GUARD_WARNING_MAX 256

/* Decides on a record at a time of the store's clock, and changes the record. Called again with the new record if
   another user was faster. `slot` is random. Returns whether that slot was granted. */
typedef bool (*lsync_guard_decide_fn)(void *user, lsync_guard_record *r, const lsync_guard_limits *limits,
                                      int64_t now_us, int64_t slot);

typedef struct lsync_guard_decision {
    lsync_guard_decide_fn decide;
    void *user;
    const lsync_guard_limits *limits;
    int64_t lease_us; /* the lease that is requested */
} lsync_guard_decision;

/* The state of a view when a decision was made. */
typedef struct lsync_guard_view_mark {
    uint64_t sights;
    uint64_t keeps;
} lsync_guard_view_mark;

/* Brings the record up to date. Neither requests nor settles a slot. */
bool lsync_guard_decide_nothing(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                                int64_t slot);

/* An outcome that is not written yet, with its time by the guard's own clock. */
typedef struct lsync_guard_kept {
    lsync_guard_ending ending;
    int64_t at_us;
    uint64_t number; /* counts up */
} lsync_guard_kept;

typedef struct lsync_guard_view {
    char warning[LSYNC_GUARD_WARNING_MAX]; /* from the store; "": none, or already recorded */
    bool has_seen;
    lsync_guard_record seen;
    lsync_guard_source seen_source; /* the store's, then */
    int64_t seen_us;                /* when, by the store's clock */
    int64_t seen_own_us;            /* when, by the guard's own clock, which was read after the store's */
    int64_t seen_asked_us;          /* the same, read before the store's */
    int64_t trip_us;                /* how long the last round trip took */
    uint64_t sights;                /* how often a record was seen */
    uint64_t keeps;                 /* how many outcomes were kept, ever */
    size_t kept_count;
    lsync_guard_kept kept[LSYNC_GUARD_KEPT_MAX + 1]; /* one more than allowed: the newest, until one is dropped */
} lsync_guard_view;

/* A store's record, as it was read at one time. */
typedef struct lsync_guard_snapshot {
    bool present;
    bool translated; /* moved onto another clock: it must be written */
    lsync_guard_stored stored;
    int64_t now_us;       /* by the store's clock */
    int64_t own_now_us;   /* by the guard's own clock, which is read after the store's */
    int64_t own_asked_us; /* the same, read before the store's */
    lsync_guard_source source;
} lsync_guard_snapshot;

/* Sets the source of a snapshot that has its time. `id` and `empty_since_us`: as in lock_sync_guard_look. */
void lsync_guard_snapshot_set_source(lsync_guard_snapshot *snapshot,
                                     const unsigned char id[LOCK_SYNC_GUARD_SOURCE_SIZE], int64_t empty_since_us);

void lsync_guard_view_init(lsync_guard_view *v);

/* Makes the record to decide on, settles the kept outcomes, and makes the decision. Returns whether the record in
   `snapshot` must be written, as `bytes`. */
bool lsync_guard_view_decide(const lsync_guard_view *v, lsync_guard_snapshot *snapshot,
                             const lsync_guard_decision *decision, int64_t slot,
                             unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* Returns how long the store must keep the record in `snapshot`. */
int64_t lsync_guard_expires_in_ms(const lsync_guard_snapshot *snapshot);

lsync_guard_view_mark lsync_guard_view_mark_of(const lsync_guard_view *v);

/* Remembers the record in `snapshot`, which the store has now. Forgets the outcomes that had been kept when the
   decision was made, at `mark`: the record contains them. If another decision was made since, the newer record stays.
 */
void lsync_guard_view_see(lsync_guard_view *v, lsync_guard_view_mark mark, const lsync_guard_snapshot *snapshot);

/* Remembers what a copy of the view, made at `mark`, has seen since. */
void lsync_guard_view_merge(lsync_guard_view *v, lsync_guard_view_mark mark, const lsync_guard_view *copy);

/* Keeps an outcome that could not be written. If there are too many, drops the oldest one without a block, because its
   lease runs out anyway. If all have a block, drops the block that ends first. */
void lsync_guard_view_keep(lsync_guard_view *v, const lsync_guard_ending *ending, int64_t own_now_us);

/* Forgets the kept outcomes in a forked child, because the parent writes them. */
void lsync_guard_view_after_fork(lsync_guard_view *v);

#endif
