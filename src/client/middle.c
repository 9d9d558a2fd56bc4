/* Builds requests and decodes responses for applications that do HTTP themselves. */
#include "client/context.h"
#include "client/settings.h"
#include "base/clock.h"
#include "base/memory.h"
#include "wire/decode.h"
#include "wire/directory.h"

static lock_sync_status build(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_request **out)
{
    lock_sync_status status;

    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check_out(ctx, out != NULL);
    if (status == LOCK_SYNC_OK)
        status = lsync_request_check_ids(query->ids, query->n, &ctx->error);
    if (status != LOCK_SYNC_OK)
        return status;
    return lsync_ctx_end(ctx, lsync_ctx_request(ctx, query, out));
}

lock_sync_status lock_sync_request_build(lock_sync_ctx *ctx, const int64_t *ids, size_t count, lock_sync_request **out)
{
    return build(ctx, &(lsync_query){.ids = ids, .n = count}, out);
}

lock_sync_status lock_sync_request_build_one(lock_sync_ctx *ctx, int64_t id, lock_sync_request **out)
{
    return build(ctx, &(lsync_query){.ids = &id, .n = 1, .single = true}, out);
}

lock_sync_status lock_sync_request_build_directory(lock_sync_ctx *ctx, uint32_t page, lock_sync_request **out)
{
    lock_sync_status status;

    if (page >= 1 && page <= LSYNC_PAGES_MAX)
        return build(ctx, &(lsync_query){.page = page}, out);
    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check(ctx);
    return status == LOCK_SYNC_OK ? lsync_ctx_reject(ctx, "the page is not between 1 and 10") : status;
}

lock_sync_status lock_sync_response_new(lock_sync_ctx *ctx, lock_sync_response **out)
{
    lock_sync_status status;

    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check_out(ctx, out != NULL);
    if (status != LOCK_SYNC_OK || out == NULL) /* the second is for analysers: lsync_ctx_check_out has rejected NULL */
        return status;
    *out = lsync_alloc(&ctx->memory, sizeof **out);
    if (*out == NULL)
        return lsync_error_no_memory(&ctx->error);
    lsync_response_init(*out, &ctx->memory, ctx->max_response_bytes, lsync_clock_unix_ms());
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* Checks the arguments of a function that decodes. `rejected`: why another argument is rejected; NULL. */
static lock_sync_status check_response(lock_sync_ctx *ctx, const lock_sync_request *request,
                                       const lock_sync_response *response, const char *rejected)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    if (request == NULL || response == NULL || rejected != NULL)
        return lsync_ctx_reject(ctx, request == NULL    ? "the request is NULL"
                                     : response == NULL ? "the response is NULL"
                                                        : rejected);
    if (response->http_status == 0 && response->failed == LOCK_SYNC_OK)
        return lsync_ctx_reject(ctx, "the response has no HTTP status");
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_response_decode(lock_sync_ctx *ctx, const lock_sync_request *request,
                                           const lock_sync_response *response, lock_sync_results **results)
{
    lock_sync_status status;

    if (results != NULL)
        *results = NULL;
    status = check_response(ctx, request, response, results == NULL ? "results is NULL" : NULL);
    if (status != LOCK_SYNC_OK)
        return status;
    if (request->page > 0)
        return lsync_ctx_reject(ctx, "the request is for a directory: use lock_sync_response_decode_directory()");
    return lsync_ctx_end(ctx, lsync_decode(&ctx->memory, request, response, &request->scope, &ctx->error, results));
}

lock_sync_status lock_sync_response_decode_directory(lock_sync_ctx *ctx, const lock_sync_request *request,
                                                     const lock_sync_response *response,
                                                     lock_sync_directory **directory)
{
    lock_sync_directory *d;
    lock_sync_status status;

    if (directory != NULL)
        *directory = NULL;
    status = check_response(ctx, request, response, directory == NULL ? "directory is NULL" : NULL);
    if (status != LOCK_SYNC_OK || directory == NULL) /* the second is for analysers: check_response has rejected NULL */
        return status;
    if (request->page == 0)
        return lsync_ctx_reject(ctx, "the request is not for a directory: use lock_sync_response_decode()");
    d = lsync_directory_new(&ctx->memory);
    if (d == NULL)
        return lsync_error_no_memory(&ctx->error);
    status = lsync_directory_add(d, &(lsync_decoding){&ctx->memory, request, response, &ctx->error});
    if (status == LOCK_SYNC_OK && lsync_directory_finish(d, response->received_at_ms) != LOCK_SYNC_OK)
        status = lsync_error_no_memory(&ctx->error);
    if (status == LOCK_SYNC_OK)
        *directory = d;
    else
        lock_sync_directory_free(d);
    return lsync_ctx_end(ctx, status);
}
