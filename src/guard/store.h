/* The store of a guard's record. It makes read-decide-write one atomic step; rule.h has the decisions. */
#ifndef LSYNC_GUARD_STORE_H
#define LSYNC_GUARD_STORE_H

#include "guard/rule.h"
#include "guard/view.h"
#include "locksync/guard.h"

#define LSYNC_GUARD_WHY_MAX 192

/* How a pool reaches the record in a store; see lock_sync_guard_channel_ops. */
typedef struct lsync_guard_channel {
    const lock_sync_guard_channel_ops *ops; /* NULL: the store has no channel */
    void *user;
    const void *key;
    size_t key_size;
} lsync_guard_channel;

typedef struct lsync_guard_store {
    void *state;            /* owned */
    int64_t granularity_us; /* how much its clock may be behind */
    lsync_guard_channel channel;
    lsync_guard_view *view; /* of a store that is shared, and may block and fail; NULL: in memory */
    /* Makes a decision on the record and writes the record. Called by one thread at a time. `view` is a copy of the
       guard's view, and is changed; NULL: in memory. OK, E_NO_MEMORY, or E_GUARD with the cause in
       why[LSYNC_GUARD_WHY_MAX]. */
    lock_sync_status (*update)(void *state, lsync_guard_view *view, const lsync_guard_decision *decision, char *why);
    void (*destroy)(void *state);
    void (*after_fork)(void *state); /* in a forked child, before its first decision; NULL: in memory */
} lsync_guard_store;

/* Make the stores. On failure *out is not changed; `why` has the cause of E_GUARD. */
lock_sync_status lsync_memory_store_new(const lock_sync_allocator *memory, lsync_guard_store *out);
lock_sync_status lsync_file_store_new(const lock_sync_allocator *memory, const char *path, lsync_guard_store *out,
                                      char *why);
lock_sync_status lsync_application_store_new(const lock_sync_allocator *memory, const lock_sync_guard_store *store,
                                             lsync_guard_store *out);

#endif
