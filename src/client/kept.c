/* The results that are kept for mode CACHED; see kept.h. */
#include "client/kept.h"

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
    lock_sync_results *found;

    if (ctx->cache == NULL)
        return LOCK_SYNC_E_TOO_SOON;
    found = lsync_results_select_ids(ctx->cache, query->ids, query->n);
    if (found == NULL)
        return lsync_error_no_memory(&ctx->error);
    /* only the service can report that a lock does not exist */
    if (!lsync_scope_covers(&ctx->cache->asked, &found->asked) || (query->single && found->count == 0)) {
        lock_sync_results_free(found);
        return LOCK_SYNC_E_TOO_SOON;
    }
    found->is_cached = true;
    *results = found;
    return LOCK_SYNC_OK;
}
