/* How a job gets into the pool, and out of it before its end. */
#ifndef LSYNC_POOL_SUBMIT_H
#define LSYNC_POOL_SUBMIT_H

#include "pool/state.h"

/* Makes the job of a context and of its ids, with the context marked as running. `missing` says which argument is NULL;
   NULL: none. After a failure *out is NULL and the error is set, unless it is E_BUSY or there is no context. */
lock_sync_status lsync_pool_enter(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                  const char *missing, lsync_job **out);
/* Takes a job out, wherever it stands, without a callback; with the context still marked as running. */
void lsync_pool_take_out(lsync_job *job);

#endif
