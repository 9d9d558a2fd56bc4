/* Builds results: filters the records, drops duplicates, and lists the missing ids. */
#ifndef LSYNC_WIRE_RESULTS_H
#define LSYNC_WIRE_RESULTS_H

#include "locksync/results.h"
#include "wire/scope.h"

/* One block of memory that holds the struct and all arrays. */
struct lock_sync_results {
    lock_sync_allocator memory;
    int64_t fetched_at_ms;
    bool is_cached;
    bool unordered;        /* the ids of the locks do not ascend */
    lock_sync_lock *locks; /* in the service's order */
    size_t count;
    size_t capacity;
    uint32_t *order; /* of the locks by id; valid after finish, if `unordered` */
    size_t records;  /* records added, kept or not; counted only if ids were requested */
    size_t conflict; /* the first record that contradicts an earlier one of its lock; LSYNC_NOT_FOUND: no conflict */
    lsync_scope asked;
    uint32_t *found; /* for each id of `asked`: 0, or its position in `locks` plus 1 */
    int64_t *missing;
    size_t missing_count;
};

/* Makes results for the locks of `asked`, with room for a response with `records` records. NULL: out of memory. */
lock_sync_results *lsync_results_new(const lock_sync_allocator *memory, const lsync_scope *asked, size_t records,
                                     int64_t fetched_at_ms);

/* Makes room for more records. The results may move. NULL: out of memory, `r` is unchanged. */
lock_sync_results *lsync_results_grow(lock_sync_results *r);

static inline bool lsync_results_is_full(const lock_sync_results *r)
{
    return r->count == r->capacity && (r->asked.count == 0 || r->count < r->asked.count);
}

/* Copies a record, unless its lock was not requested or already has a record. There must be room. */
void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock);

/* Finishes the results. False if two records of one lock differ: `conflict` is the index of the later record. */
bool lsync_results_finish(lock_sync_results *r);

/* Makes new results with the locks of `asked` from other results. NULL: out of memory. */
lock_sync_results *lsync_results_select(const lock_sync_results *from, const lsync_scope *asked);

/* Selects in the same way n ids, each > 0; n 0: all locks. */
lock_sync_results *lsync_results_select_ids(const lock_sync_results *from, const int64_t *ids, size_t n);

#endif
