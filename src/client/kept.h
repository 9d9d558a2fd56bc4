/* The results that are kept for mode CACHED. */
#ifndef LSYNC_CLIENT_KEPT_H
#define LSYNC_CLIENT_KEPT_H

#include "client/context.h"
#include "wire/results.h"

/* Keeps all results, and replaces *results by those of the locks in `asked`. Returns OK, or E_NO_MEMORY with the error
   set and *results NULL. */
lock_sync_status lsync_kept_put(lock_sync_ctx *ctx, const lsync_scope *asked, lock_sync_results **results);

/* Returns the requested part of the kept results in *results, marked as cached. Returns E_TOO_SOON, and does not change
   the error, if the kept results do not cover it; E_NO_MEMORY with the error set. */
lock_sync_status lsync_kept_get(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                lock_sync_results **results);

#endif
