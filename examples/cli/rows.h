/* The locks as rows of a table, with a row for each requested id that was not found. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <locksync/locksync.h>

typedef struct row {
    lock_sync_lock lock; /* a copy; only the id is valid if the lock was not found */
    bool is_found;
    bool has_changed; /* in the last changes */
} row;

typedef struct rows {
    row *at;
    size_t count;
    size_t capacity;
} rows;

/* Replace the rows by those of the results, in the service's order and missing ids last. Return false if memory ran
   out. The second sets has_changed for the locks in `changes` (NULL: no changes). */
bool rows_from_results(rows *r, const lock_sync_results *results);
bool rows_from_watch(rows *r, const lock_sync_results *results, const lock_sync_changes *changes);

/* Keeps only the locks with these ids, and adds those that were not found. No ids: keeps all. */
bool rows_select(rows *r, const int64_t *ids, size_t count);

void rows_free(rows *r);

/* How much a person needs to see a row, if not all rows can be shown. */
typedef enum row_rank { RANK_CHANGED, RANK_NOT_LOCKED, RANK_LOW_BATTERY, RANK_OTHER, RANK_COUNT } row_rank;
row_rank row_rank_of(const row *r);

#endif
