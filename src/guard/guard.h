/* A guard's functions for contexts and pools, besides the public ones. */
#ifndef LSYNC_GUARD_GUARD_H
#define LSYNC_GUARD_GUARD_H

#include "guard/proposal.h"
#include "guard/store.h"
#include "guard/task.h"
#include "locksync/guard.h"

/* Carries out a task. Returns OK, E_TOO_SOON, E_GUARD or E_NO_MEMORY. */
lock_sync_status lsync_guard_run(lock_sync_guard *g, lsync_guard_task *task);

/* Returns whether a request to the guard may block: its store does I/O, or is the application's. */
bool lsync_guard_may_block(const lock_sync_guard *g);

/* Returns whether there are outcomes that could not be written. The last unref then calls the store, which may
   block. */
bool lsync_guard_has_kept(lock_sync_guard *g);

/* A task whose decision is made in the channel of the guard's store. */
typedef struct lsync_channel_task {
    lsync_guard_task task;
    lsync_proposal proposal; /* with the swap that must be carried out */
    lock_sync_status status; /* the result */
} lsync_channel_task;

/* Returns how a pool reaches the guard's store without waiting; `ops` is NULL: it cannot. */
const lsync_guard_channel *lsync_guard_channel_of(const lock_sync_guard *g);

/* Begins to carry out `t->task`: makes the first swap. Then lsync_guard_continue after each swap that is done. True:
   there is another swap. False: the status is set, as by the functions above. */
void lsync_guard_begin(lock_sync_guard *g, lsync_channel_task *t);
bool lsync_guard_continue(lock_sync_guard *g, lsync_channel_task *t);

/* Records that a task could not be carried out, and why. Keeps its outcome, if it settles a slot. */
void lsync_guard_abandon(lock_sync_guard *g, const lsync_guard_task *task, lock_sync_status status, const char *why);

/* Takes a warning about the store that has not been logged yet. False: no warning. */
bool lsync_guard_take_warning(lock_sync_guard *g, char *text, size_t size);

/* Returns a sentence that says why a guard denied a slot; static. */
const char *lsync_guard_reason_text(lsync_guard_reason reason);

#endif
