/* What the command knows of the locks: one row each, also for those that were asked for and not answered. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <locksync/locksync.h>

typedef struct row {
    lock_sync_lock lock; /* a copy; only its id holds unless it was answered */
    bool answered;
    bool fresh; /* it changed last */
} row;

typedef struct rows {
    row *at;
    size_t count;
    size_t room;
} rows;

/* All return false when memory ran out. */
bool rows_from_results(rows *r, const lock_sync_results *results); /* in the service's order, missing ones behind */
bool rows_from_ids(rows *r, const int64_t *ids, size_t n);         /* by id, none of them answered yet */
/* Takes over what changed; rows stay in the order of their ids. `asked`: removed locks stay, as not answered. `first`: these
   are all there are, which makes none of them fresh. */
bool rows_apply(rows *r, const lock_sync_changes *changes, bool asked, bool first);
void rows_free(rows *r);

#endif
