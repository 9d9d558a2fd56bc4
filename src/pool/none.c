/* The pool of a build without one. */
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

lock_sync_status lock_sync_pool_set_max_connections(lock_sync_pool *p, uint32_t per_host, uint32_t total)
{
    (void)p, (void)per_host, (void)total;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_set_max_active(lock_sync_pool *p, uint32_t transfers)
{
    (void)p, (void)transfers;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_submit(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                       lock_sync_done_fn done, void *user)
{
    (void)p, (void)ctx, (void)ids, (void)n, (void)done, (void)user;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

int lock_sync_pool_fd(const lock_sync_pool *p)
{
    (void)p;
    return -1;
}

lock_sync_status lock_sync_pool_dispatch(lock_sync_pool *p)
{
    (void)p;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

lock_sync_status lock_sync_pool_wait(lock_sync_pool *p, int64_t timeout_ms)
{
    (void)p, (void)timeout_ms;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}

size_t lock_sync_pool_pending(const lock_sync_pool *p)
{
    (void)p;
    return 0;
}

void lock_sync_pool_free(lock_sync_pool *p)
{
    (void)p;
}

lock_sync_status lock_sync_pool_watch(lock_sync_pool *p, lock_sync_watch *w, lock_sync_watch_fn changed, void *user)
{
    (void)p, (void)w, (void)changed, (void)user;
    return LOCK_SYNC_E_INVALID_ARGUMENT;
}
