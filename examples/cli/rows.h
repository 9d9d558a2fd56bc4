/* The locks as rows of a table: one each, also for those that were asked for and not answered. */
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

/* Both put the rows of the results in the place of those that there were, and return false when memory ran out. */
bool rows_from_results(rows *r, const lock_sync_results *results); /* in the service's order, missing ones behind */
/* By id; fresh are those that `changes` (NULL: none) names. */
bool rows_from_watch(rows *r, const lock_sync_results *results, const lock_sync_changes *changes);
void rows_free(rows *r);

#endif
