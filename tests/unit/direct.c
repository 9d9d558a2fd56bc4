/* The direct decoder; see direct.h. */
#include "direct.h"

#include "base/memory.h"
#include "wire/decode_direct.h"
#include "wire/request.h"

lock_sync_results *direct_decode(lock_sync_ctx *ctx, const t_response *a)
{
    lock_sync_request *q = NULL;
    lock_sync_response *s = NULL;
    lock_sync_results *r = NULL;
    lock_sync_allocator memory;

    MUST(lsync_allocator_init(&memory, NULL));
    CHECK_OK(a->single > 0 ? lock_sync_request_build_one(ctx, a->single, &q)
                           : lock_sync_request_build(ctx, a->n == 0 ? NULL : a->ids, a->n, &q));
    CHECK_OK(lock_sync_response_new(ctx, &s));
    if (q != NULL && s != NULL && CHECK_OK(lock_sync_response_append_body(s, a->body, a->size)))
        r = lsync_decode_direct(&memory, q, s, &q->scope);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    return r;
}
