/* locksync --watch and --until */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "names.h"

/* Follows changes until a signal, a permanent error or a closed output, or with --until until all locks are in the
   state; returns the exit status. `guard` is the guard of the context. */
int watch(names *n, lock_sync_guard *guard, bool on_screen, bool color);

#endif
