/* The directory that a watch follows: the ids of its locks, their states, and when a newer one is needed. */
#ifndef LSYNC_WATCH_NAMES_H
#define LSYNC_WATCH_NAMES_H

#include "watch/diff.h"

/* Writes the ids that the serial numbers have in the directory to `ids`. Returns how many were found. Pure. */
size_t lsync_names_find(const lock_sync_directory *d, const char *const *serial_numbers, size_t count, int64_t *ids);

/* Copies the states of n locks (ids NULL: all) from a directory, as a poll would return them. A lock whose connection
   is unknown was never paired with a bridge, and is not connected. NULL: out of memory. */
lock_sync_results *lsync_names_states(const lock_sync_directory *d, const int64_t *ids, size_t n);

/* Whether the new states need a newer directory. They do if they have a lock that is new and not in it, a higher
   revision, or more missing locks than before. Pure. */
bool lsync_names_are_old(const lsync_known *known, const lock_sync_results *states);

#endif
