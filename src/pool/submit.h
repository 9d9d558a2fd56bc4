/* How a job enters the pool, and how it is removed before its end. */
#ifndef LSYNC_POOL_SUBMIT_H
#define LSYNC_POOL_SUBMIT_H

#include "pool/state.h"

/* Makes a job for a context and copies its ids. The context is marked as busy. `missing` is NULL, or the error message
   if an argument of the caller is missing. On failure *out is NULL; the context's error is set, except for E_BUSY and
   for a context that is NULL. */
lock_sync_status lsync_pool_new_job(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                    const char *missing, lsync_job **out);
/* Removes a job in any state, without a callback. The context remains busy. */
void lsync_pool_remove_job(lsync_job *job);

#endif
