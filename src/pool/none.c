/* The pool's functions in a build without a pool: all fail. */
#include "locksync/pool.h"

lock_sync_status lock_sync_pool_new(lock_sync_pool **out)
{
    return lock_sync_pool_new_with_allocator(NULL, out);
}

lock_sync_status lock_sync_pool_new_with_allocator(const lock_sync_allocator *allocator, lock_sync_pool **out)
{
    (void)allocator;
    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    return LOCK_SYNC_E_NO_TRANSPORT;
}

lock_sync_status lock_sync_pool_set_max_connections(lock_sync_pool *pool, uint32_t per_origin, uint32_t total)
{
    (void)pool, (void)per_origin, (void)total;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_set_max_active(lock_sync_pool *pool, uint32_t transfers)
{
    (void)pool, (void)transfers;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_submit(lock_sync_pool *pool, lock_sync_ctx *ctx, const int64_t *ids, size_t count,
                                       lock_sync_done_fn done, void *user)
{
    (void)pool, (void)ctx, (void)ids, (void)count, (void)done, (void)user;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_submit_directory(lock_sync_pool *pool, lock_sync_ctx *ctx, lock_sync_directory_fn done,
                                                 void *user)
{
    (void)pool, (void)ctx, (void)done, (void)user;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

int lock_sync_pool_fd(const lock_sync_pool *pool)
{
    (void)pool;
    return -1;
}

lock_sync_status lock_sync_pool_dispatch(lock_sync_pool *pool)
{
    (void)pool;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_wait(lock_sync_pool *pool, int64_t timeout_ms)
{
    (void)pool, (void)timeout_ms;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

size_t lock_sync_pool_pending(const lock_sync_pool *pool)
{
    (void)pool;
    return 0;
}

void lock_sync_pool_free(lock_sync_pool *pool)
{
    (void)pool;
}

lock_sync_status lock_sync_pool_watch(lock_sync_pool *pool, lock_sync_watch *watch, lock_sync_watch_fn changed,
                                      void *user)
{
    (void)pool, (void)watch, (void)changed, (void)user;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}
