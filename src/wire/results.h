/* The building of results: records in, filtered and without duplicates; missing ids out. */
#ifndef LSYNC_WIRE_RESULTS_H
#define LSYNC_WIRE_RESULTS_H

#include "locksync/results.h"
#include "wire/scope.h"

/* One block of memory: the struct and all its arrays. */
struct lock_sync_results {
    lock_sync_allocator memory;
    int64_t fetched_at_ms;
    bool is_cached;
    bool unordered;        /* the ids of the locks do not ascend */
    lock_sync_lock *locks; /* in the service's order */
    size_t count;
    size_t capacity;
    uint32_t *order; /* of the locks by id, once finished; used if they are unordered */
    size_t records;  /* that were added, kept or not; counted where not all locks are asked for */
    size_t conflict; /* the first record that contradicts an earlier one of its lock; LSYNC_NOT_FOUND: none */
    lsync_scope asked;
    uint32_t *answered; /* for each id of `asked`: 0, or one more than its place in `locks` */
    int64_t *missing;
    size_t missing_count;
};

/* Results for what is asked (a scope, so each id once), with room for an answer of `records` records. NULL: out of
   memory. */
lock_sync_results *lsync_results_new(const lock_sync_allocator *memory, const lsync_scope *asked, size_t records,
                                     int64_t fetched_at_ms);

/* Makes room for more records; the results may move. NULL: out of memory, and `r` is as it was. */
lock_sync_results *lsync_results_grow(lock_sync_results *r);

static inline bool lsync_results_is_full(const lock_sync_results *r)
{
    return r->count == r->capacity && (r->asked.count == 0 || r->count < r->asked.count);
}

/* Takes a copy of a record, unless it was not asked for or was answered before. There must be room. */
void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock);

/* The last step of building. False if two records of one lock differ: `conflict` is the index of the later one. */
bool lsync_results_finish(lock_sync_results *r);

/* The part of an answer that is asked for, as results of their own. NULL: out of memory. */
lock_sync_results *lsync_results_select(const lock_sync_results *from, const lsync_scope *asked);

#endif
