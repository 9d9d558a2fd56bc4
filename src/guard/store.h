/* Where a guard's record lives. A store makes read-decide-write one atomic step; what is decided is the rule's. */
#ifndef LSYNC_GUARD_STORE_H
#define LSYNC_GUARD_STORE_H

#include "guard/rule.h"
#include "locksync/guard.h"

#define LSYNC_GUARD_WHY_MAX 256

/* Decides on a record at a time of the store's clock, and changes it. Called again, from scratch, on a fresh record
   when another user was faster. `limits` and `user` are the caller's. */
typedef void (*lsync_guard_decide_fn)(void *user, lsync_guard_record *r, int64_t now_us);

/* What to decide, and what the store needs to know of it. */
typedef struct lsync_guard_decision {
    lsync_guard_decide_fn decide;
    void *user;
} lsync_guard_decision;

typedef struct lsync_guard_keeper {
    void *state; /* owned */
    bool may_block;
    int64_t granularity_us; /* how late its clock may show */
    /* OK, E_NO_MEMORY, or E_GUARD with the cause in why[LSYNC_GUARD_WHY_MAX]. */
    lock_sync_status (*update)(void *state, const lsync_guard_decision *decision, char *why);
    void (*destroy)(void *state);
} lsync_guard_keeper;

/* The stores; on failure *out is untouched and `why` tells the cause of E_GUARD. */
lock_sync_status lsync_memory_store_new(const lock_sync_allocator *memory, lsync_guard_keeper *out);
lock_sync_status lsync_file_store_new(const lock_sync_allocator *memory, const char *path, lsync_guard_keeper *out,
                                      char *why);
lock_sync_status lsync_host_store_new(const lock_sync_allocator *memory, const lock_sync_guard_store *store,
                                      lsync_guard_keeper *out);

#endif
