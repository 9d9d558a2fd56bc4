/* locksync --watch */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "options.h"

#include <locksync/locksync.h>

/* Follows changes until a signal comes, an error that does not pass, or the end of whoever reads them; returns the exit
   status. */
int watch(const options *o, lock_sync_ctx *ctx, bool on_screen, bool color);

#endif
