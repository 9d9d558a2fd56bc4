/* The results that are kept for mode CACHED; see kept.h. */
#include "client/kept.h"
#include "base/memory.h"

lock_sync_status lsync_kept_put(lock_sync_ctx *ctx, const lsync_scope *asked, lock_sync_results **results)
{
    lock_sync_results *wide = *results;

    *results = lsync_results_select(wide, asked);
    if (*results == NULL) {
        lock_sync_results_free(wide);
        return lsync_error_no_memory(&ctx->error);
    }
    lsync_ctx_drop_cache(ctx);
    ctx->cache = wide;
    return LOCK_SYNC_OK;
}

lock_sync_status lsync_kept_get(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_results **results)
{
    lock_sync_results *found = NULL;
    lsync_scope asked;
    bool covered;
    void *room;
    size_t size;

    if (ctx->cache == NULL)
        return LOCK_SYNC_E_TOO_SOON;
    room = lsync_size_mul(query->n, LSYNC_SCOPE_ROOM, &size) ? lsync_alloc(&ctx->memory, size == 0 ? 1 : size) : NULL;
    if (room == NULL)
        return lsync_error_no_memory(&ctx->error);
    lsync_scope_init(&asked, query->ids, query->n, room);
    covered = lsync_scope_covers(&ctx->cache->asked, &asked);
    if (covered)
        found = lsync_results_select(ctx->cache, &asked);
    lsync_free(&ctx->memory, room);
    if (!covered)
        return LOCK_SYNC_E_TOO_SOON;
    if (found == NULL)
        return lsync_error_no_memory(&ctx->error);
    if (query->single && found->count == 0) { /* only the service can report that a lock does not exist */
        lock_sync_results_free(found);
        return LOCK_SYNC_E_TOO_SOON;
    }
    found->is_cached = true;
    *results = found;
    return LOCK_SYNC_OK;
}
