/* locksync --watch */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "options.h"

#include <locksync/locksync.h>

/* Follows changes until a signal, a permanent error or a closed output; returns the exit status. `guard` is the guard
   of the context. */
int watch(const options *o, lock_sync_ctx *ctx, lock_sync_guard *guard, bool on_screen, bool color);

#endif
