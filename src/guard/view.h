/* What a guard object remembers of a store that others share: the record that it saw last, and how slots ended that it
   could not write. Pure: times are arguments. */
#ifndef LSYNC_GUARD_VIEW_H
#define LSYNC_GUARD_VIEW_H

#include "guard/lineage.h"
#include "guard/record.h"

#include <stddef.h>

#define LSYNC_GUARD_KEPT_MAX 8
#define LSYNC_GUARD_WARNING_MAX 256

/* Decides on a record at a time of the store's clock, and changes it. Called again, from scratch, on a fresh record if
   another user was faster. `slot` is random. Returns whether it gave that slot. */
typedef bool (*lsync_guard_decide_fn)(void *user, lsync_guard_record *r, const lsync_guard_limits *limits,
                                      int64_t now_us, int64_t slot);

typedef struct lsync_guard_decision {
    lsync_guard_decide_fn decide;
    void *user;
    const lsync_guard_limits *limits;
    int64_t lease_us; /* what is asked for */
} lsync_guard_decision;

/* Asks and settles nothing: the record is only brought to what it has to be. */
bool lsync_guard_decide_nothing(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                                int64_t slot);

/* An outcome that is yet to be written, with the time by the object's own clock. */
typedef struct lsync_guard_kept {
    lsync_guard_ending ending;
    int64_t at_us;
} lsync_guard_kept;

typedef struct lsync_guard_view {
    char warning[LSYNC_GUARD_WARNING_MAX]; /* what the store said of itself; "": nothing new */
    bool has_seen;
    lsync_guard_record seen;
    int64_t seen_us;     /* the store's clock then */
    int64_t seen_own_us; /* the object's own clock then */
    size_t kept_count;
    lsync_guard_kept kept[LSYNC_GUARD_KEPT_MAX + 1]; /* room for the one that comes when it is full */
} lsync_guard_view;

/* What a store holds, and when. */
typedef struct lsync_guard_snapshot {
    bool present;
    bool translated; /* onto another clock: it has to be written */
    lsync_guard_stored stored;
    int64_t now_us;     /* the store's clock */
    int64_t own_now_us; /* the object's own, read after it */
    lsync_guard_source source;
} lsync_guard_snapshot;

void lsync_guard_view_init(lsync_guard_view *v);

/* Makes the record that is to be decided on, settles what was kept, and has the decision made. Returns whether the
   record in `snapshot` must be written, as `bytes`. */
bool lsync_guard_view_decide(const lsync_guard_view *v, lsync_guard_snapshot *snapshot,
                             const lsync_guard_decision *decision, int64_t slot,
                             unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* The record in `snapshot` is what the store holds now. */
void lsync_guard_view_see(lsync_guard_view *v, const lsync_guard_snapshot *snapshot);

/* Keeps an outcome that could not be written. If there are too many, one is dropped that is no block (its lease runs
   out), or else the block that ends first. */
void lsync_guard_view_keep(lsync_guard_view *v, const lsync_guard_ending *ending, int64_t own_now_us);

/* In a child after fork(): what was kept is the parent's to write. */
void lsync_guard_view_after_fork(lsync_guard_view *v);

#endif
