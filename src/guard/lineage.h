/* Decides whether the record in a guard's store can be trusted. It may be older than the last one written, of another
   lineage, or lost. Pure. */
#ifndef LSYNC_GUARD_LINEAGE_H
#define LSYNC_GUARD_LINEAGE_H

#include "guard/rule.h"

#include <stdbool.h>
#include <stdint.h>

/* A store's name and history. */
typedef struct lsync_guard_source {
    bool is_known;                             /* `id` is set */
    unsigned char id[LSYNC_GUARD_SOURCE_SIZE]; /* changes whenever records may have been lost */
    int64_t empty_since_us; /* if the record is absent, it may have been lost before this; NEVER: it is certainly new */
} lsync_guard_source;

/* The guard's own knowledge, besides the store's record. */
typedef struct lsync_guard_witness {
    const lsync_guard_record *seen; /* the record that this guard saw last, on the store's clock; NULL: none */
    int64_t lease_us;               /* the lease that is requested now */
    int64_t life;                   /* random, for a lineage that begins now */
} lsync_guard_witness;

/* Makes the record to decide on. `r` is the store's record. If the store has no record, `present` is false and the
   value of `r` does not matter. Returns whether the record must be written even if the decision does not change it. */
bool lsync_guard_resolve(lsync_guard_record *r, bool present, const lsync_guard_source *source,
                         const lsync_guard_witness *witness, const lsync_guard_limits *limits, int64_t now_us);

/* Merges another record of the same clock into a record: the later of each time, the larger of each count. Merging the
   same record twice changes nothing more. */
void lsync_guard_join(lsync_guard_record *r, const lsync_guard_record *other, const lsync_guard_limits *limits,
                      int64_t now_us);

/* Moves all times of a record onto another clock, which is `shift_us` ahead. Cells move by whole cells, rounded up, so
   that no request counts for a shorter time. */
void lsync_guard_shift(lsync_guard_record *r, int64_t shift_us);

#endif
