/* The directory that a watch follows: the ids of its locks, their states, and when a newer one is needed. */
#ifndef LSYNC_WATCH_NAMES_H
#define LSYNC_WATCH_NAMES_H

#include "watch/diff.h"

/* Writes the ids of the locks with these serial numbers to `ids`. Returns how many were found. A lock that is not in
   the directory keeps its id from the one before if the states have it. A directory of several pages may lack a
   lock. */
size_t lsync_names_find(const lock_sync_directory *d, const lsync_known *before, const char *const *serial_numbers,
                        size_t count, int64_t *ids);

/* Copies the states of n locks (0: all) from a directory, as a poll would return them: a lock without a bridge is not
   connected. NULL: out of memory. */
lock_sync_results *lsync_names_states(const lock_sync_directory *d, const int64_t *ids, size_t n);

/* Makes results of n locks, possibly none, as if all locks had been requested. The record of each is from the states
   (NULL: no states), or else from the directory. NULL: out of memory. */
lock_sync_results *lsync_names_collect(const lock_sync_results *states, const lock_sync_directory *d,
                                       const int64_t *ids, size_t n);

/* Returns whether the new states need a newer directory. They do if a lock is new and not in it, or has a higher
   revision. They also do if a lock is missing that was not missing before. Pure. */
bool lsync_names_are_old(const lsync_known *known, const lock_sync_results *states);

#endif
