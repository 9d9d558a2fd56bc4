/* The building of results: records in, filtered and without duplicates; missing ids out. */
#ifndef LSYNC_WIRE_RESULTS_H
#define LSYNC_WIRE_RESULTS_H

#include "base/order.h"
#include "locksync/results.h"
#include "wire/request.h"

/* One block of memory: the struct and all its arrays. */
struct lock_sync_results {
    lock_sync_allocator memory;
    int64_t fetched_at_ms;
    bool is_cached;
    lock_sync_lock *locks; /* in the service's order */
    size_t count;
    size_t capacity;
    uint32_t *order;   /* of the locks by id; NULL: they ascend */
    uint32_t *scratch; /* room for `order` */
    int64_t *asked;    /* the ids of the request, in its order */
    uint32_t *asked_order; /* NULL: they ascend */
    size_t asked_count; /* 0: all locks were asked for */
    bool *answered;    /* for each of `asked` */
    int64_t *missing;
    size_t missing_count;
};

/* Results for the ids that `q` asks for, with room for an answer of `records` records. NULL: out of memory. */
lock_sync_results *lsync_results_new(const lock_sync_allocator *memory, const lock_sync_request *q, size_t records,
                                     int64_t fetched_at_ms);

/* Takes a copy of a record, unless it was not asked for or was answered before. At most `records` calls. */
void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock);

/* The last step of building. */
void lsync_results_finish(lock_sync_results *r);

#endif
