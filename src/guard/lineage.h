/* What a guard object makes of the record that its store holds: is it what was written last, older, of another life of
   the store, or gone? Pure. */
#ifndef LSYNC_GUARD_LINEAGE_H
#define LSYNC_GUARD_LINEAGE_H

#include "guard/rule.h"

#include <stdbool.h>
#include <stdint.h>

/* What a store says of itself. */
typedef struct lsync_guard_source {
    bool is_known;                             /* `id` is set */
    unsigned char id[LSYNC_GUARD_SOURCE_SIZE]; /* changes whenever records may have been lost */
    int64_t empty_since_us; /* an absent record may be one that was lost before this; LSYNC_GUARD_NEVER_US: it is new */
} lsync_guard_source;

/* What is known beside the store's record. */
typedef struct lsync_guard_witness {
    const lsync_guard_record *seen; /* what the object saw last, on the store's clock; NULL: nothing */
    int64_t lease_us;               /* what is asked for now */
    int64_t life;                   /* random: the life of a record that is born now */
} lsync_guard_witness;

/* Makes the record to decide on. `r` is what the store holds, and anything if it holds nothing (`present` false).
   Returns whether it has to be written whatever is decided. */
bool lsync_guard_resolve(lsync_guard_record *r, bool present, const lsync_guard_source *source,
                         const lsync_guard_witness *witness, const lsync_guard_limits *limits, int64_t now_us);

/* Adds to a record what another knows: the later of each time, the larger of each count. Both are on one clock. To add
   the same twice changes nothing more. */
void lsync_guard_join(lsync_guard_record *r, const lsync_guard_record *other, const lsync_guard_limits *limits,
                      int64_t now_us);

/* Moves all times of a record onto another clock, which shows `shift_us` more. Cells move by whole cells, rounded up,
   so that no request counts for less long. */
void lsync_guard_shift(lsync_guard_record *r, int64_t shift_us);

#endif
