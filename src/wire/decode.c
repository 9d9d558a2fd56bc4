/* Decodes responses; see decode.h. decode_direct.c reads the successful responses of the documented shape. All others
   are decoded here, from jansson's tree. */
#include "wire/decode.h"
#include "wire/body.h"
#include "wire/decode_direct.h"
#include "wire/envelope.h"
#include "wire/record.h"

static lock_sync_status read_one(const lsync_decoding *d, const json_t *result, lock_sync_results *r)
{
    lock_sync_lock lock;

    if (!lsync_record_read(result, &lock))
        return lsync_body_malformed(d, "the lock has no usable id");
    if (lock.id != d->q->scope.ids[0])
        return lsync_body_malformed(d, "the record is of another lock");
    lsync_results_add(r, &lock);
    (void)lsync_results_finish(r);
    return LOCK_SYNC_OK;
}

static lock_sync_status read_all(const lsync_decoding *d, const json_t *result, lock_sync_results *r)
{
    size_t count = json_array_size(result);
    lock_sync_lock lock;

    for (size_t i = 0; i < count; i++) {
        if (!lsync_record_read(json_array_get(result, i), &lock))
            return lsync_body_malformed_record(d, i, count, "has no usable id");
        lsync_results_add(r, &lock);
    }
    if (!lsync_results_finish(r))
        return lsync_body_malformed_record(d, r->conflict, count, "contradicts an earlier record of the same lock");
    return LOCK_SYNC_OK;
}

static lock_sync_status read_result(const lsync_decoding *d, const lsync_scope *scope, const json_t *result,
                                    lock_sync_results **out)
{
    size_t records = d->q->single ? 1 : json_array_size(result);
    lock_sync_results *r = lsync_results_new(d->memory, scope, records, d->s->received_at_ms);
    lock_sync_status status;

    if (r == NULL)
        return lsync_error_no_memory(d->error);
    status = d->q->single ? read_one(d, result, r) : read_all(d, result, r);
    if (status != LOCK_SYNC_OK) {
        lock_sync_results_free(r);
        return status;
    }
    *out = r;
    return LOCK_SYNC_OK;
}

/* Decodes any body with jansson's tree. */
static lock_sync_status decode_body(const lsync_decoding *d, const lsync_scope *scope, lock_sync_results **out)
{
    json_t *body;
    const json_t *result;
    lock_sync_status status = lsync_body_load(d, &body);

    if (status == LOCK_SYNC_OK)
        status = lsync_body_result(d, body, d->q->single ? JSON_OBJECT : JSON_ARRAY, &result);
    if (status == LOCK_SYNC_OK)
        status = read_result(d, scope, result, out);
    json_decref(body);
    return status;
}

lock_sync_status lsync_decode(const lock_sync_allocator *memory, const lock_sync_request *q,
                              const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                              lock_sync_results **out)
{
    const lsync_decoding d = {memory, q, s, error};

    *out = NULL;
    if (s->failed == LOCK_SYNC_OK && lsync_status_of_http(s->http_status) == LOCK_SYNC_OK)
        *out = lsync_decode_direct(memory, q, s, scope);
    return *out != NULL ? LOCK_SYNC_OK : decode_body(&d, scope, out);
}
