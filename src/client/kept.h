/* The results that are kept for mode CACHED. */
#ifndef LSYNC_CLIENT_KEPT_H
#define LSYNC_CLIENT_KEPT_H

#include "client/context.h"
#include "wire/results.h"

/* Keeps all results, and replaces *results by those of the locks in `asked`. Returns OK, or E_NO_MEMORY with the error
   set and *results NULL. */
lock_sync_status lsync_kept_put(lock_sync_ctx *ctx, const lsync_scope *asked, lock_sync_results **results);

/* Copies the requested part of the kept results to *results, marked as cached. Returns OK, or E_NO_MEMORY with the
   error set. If the kept results do not cover the request, returns E_TOO_SOON and does not change the error. */
lock_sync_status lsync_kept_get(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_results **results);

#endif
