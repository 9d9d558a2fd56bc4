/* The response that is kept for mode CACHED. */
#ifndef LSYNC_CLIENT_KEPT_H
#define LSYNC_CLIENT_KEPT_H

#include "client/context.h"
#include "wire/results.h"

/* Keeps results as wide as they came, and cuts what was asked for from them: *results is replaced. OK, or E_NO_MEMORY
   with the error set and *results NULL. */
lock_sync_status lsync_kept_put(lock_sync_ctx *ctx, const lsync_scope *asked, lock_sync_results **results);

/* The part of the kept results that is asked for, marked cached. E_TOO_SOON if they do not cover that, with the error
   left as it is; E_NO_MEMORY with the error set. */
lock_sync_status lsync_kept_get(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                lock_sync_results **results);

#endif
