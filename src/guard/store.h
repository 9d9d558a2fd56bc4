/* Where a guard's record lives. A store makes read-decide-write one atomic step; what is decided is the rule's. */
#ifndef LSYNC_GUARD_STORE_H
#define LSYNC_GUARD_STORE_H

#include "guard/rule.h"
#include "guard/view.h"
#include "locksync/guard.h"

#define LSYNC_GUARD_WHY_MAX 192

typedef struct lsync_guard_store {
    void *state;            /* owned */
    int64_t granularity_us; /* how late its clock may show */
    lsync_guard_view *view; /* of a store that others share, and that may block and fail; NULL: memory */
    /* Has a decision made on the record. One at a time. OK, E_NO_MEMORY, or E_GUARD with the cause in
       why[LSYNC_GUARD_WHY_MAX]. */
    lock_sync_status (*update)(void *state, const lsync_guard_decision *decision, char *why);
    void (*destroy)(void *state);
    void (*after_fork)(void *state); /* in a child, before its first decision; NULL: memory */
} lsync_guard_store;

/* The stores; on failure *out is untouched and `why` has the cause of E_GUARD. */
lock_sync_status lsync_memory_store_new(const lock_sync_allocator *memory, lsync_guard_store *out);
lock_sync_status lsync_file_store_new(const lock_sync_allocator *memory, const char *path, lsync_guard_store *out,
                                      char *why);
lock_sync_status lsync_application_store_new(const lock_sync_allocator *memory, const lock_sync_guard_store *store,
                                             lsync_guard_store *out);

#endif
