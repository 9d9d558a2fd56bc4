/* Decodes responses; see decode.h. decode_direct.c reads the successful responses of the documented shape. All others
   are decoded here: jansson parses the body into a tree, and the schema says how records are read from the tree. */
#include "wire/decode.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ascii.h"
#include "wire/decode_direct.h"
#include "wire/envelope.h"
#include "wire/schema.h"
#include "wire/timestamp.h"
#include "wire/whole.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The data that the steps of one decoding share. */
typedef struct decoding {
    const lock_sync_allocator *memory;
    const lock_sync_request *q;
    const lock_sync_response *s;
    const lsync_scope *scope; /* what the results are filtered to */
    lock_sync_error *error;
} decoding;

/* Sets an error about the whole response, with HTTP status, correlation id and the wait that the service asks for. */
static lock_sync_status fail(const decoding *d, lock_sync_status status, const char *what)
{
    char *correlation_id = NULL;

    if (d->s->correlation_id[0] != '\0') {
        correlation_id = lsync_strndup(d->memory, d->s->correlation_id, strlen(d->s->correlation_id));
        if (correlation_id == NULL)
            return lsync_error_no_memory(d->error);
        lsync_redact(correlation_id, d->q->secret);
        lsync_one_line(correlation_id);
    }
    lsync_error_set(d->error, status, "%s", what);
    d->error->http_status = d->s->http_status;
    d->error->correlation_id = correlation_id;
    if (status == LOCK_SYNC_E_RATE_LIMITED || status == LOCK_SYNC_E_SERVER)
        d->error->retry_after_ms = lsync_retry_after_ms(d->s->retry_after, d->s->date, d->s->received_at_ms);
    return status;
}

/* Sets E_MALFORMED for valid JSON with wrong content. There is no byte offset: the message names what is wrong. */
static lock_sync_status fail_malformed(const decoding *d, const char *what)
{
    char text[256];

    (void)snprintf(text, sizeof text, "malformed response: %s", what);
    return fail(d, LOCK_SYNC_E_MALFORMED, text);
}

/* Like fail_malformed, for one record. The message counts records from 1. */
static lock_sync_status fail_record(const decoding *d, size_t index, size_t count, const char *what)
{
    char text[128];

    (void)snprintf(text, sizeof text, "record %zu of %zu %s", index + 1, count, what);
    return fail_malformed(d, text);
}

/* --- the body as a tree --- */

/* Why a body was not read. */
typedef struct fault {
    const char *what; /* NULL: memory ran out */
    int64_t offset;
} fault;

static const char *describe(enum json_error_code code)
{
    switch ((int)code) {
    case json_error_duplicate_key: return "a key occurs twice in one object";
    case json_error_numeric_overflow: return "a number is too large";
    case json_error_premature_end_of_input: return "the JSON text ends too early";
    case json_error_stack_overflow: return "the values are nested too deep";
    default: return "the body is not valid JSON";
    }
}

/* Parses the body. Returns its tree, or NULL and the reason. A NUL byte is searched first because jansson 2.14 accepts
   one after a number or a word. */
static json_t *load(const decoding *d, fault *f)
{
    const lsync_buffer *body = &d->s->body;
    const char *nul = body->size == 0 ? NULL : memchr(body->data, '\0', body->size);
    json_error_t why;
    json_t *tree;
    char *text;

    *f = (fault){"the body is empty", 0};
    if (body->size == 0)
        return NULL;
    *f = (fault){"a NUL byte", nul == NULL ? 0 : nul - body->data};
    if (nul != NULL)
        return NULL;
    f->what = NULL;
    text = lsync_strndup(d->memory, body->data, body->size);
    if (text == NULL)
        return NULL;
    lsync_json_write_wholes(text, body->size);
    memset(&why, 0, sizeof why);
    errno = 0;
    tree = json_loadb(text, body->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (tree == NULL && errno == ENOMEM) /* jansson reports a token as invalid if it has no memory for it */
        f->what = NULL;
    else if (tree == NULL)
        *f = (fault){describe(json_error_code(&why)), why.position};
    lsync_free(d->memory, text);
    return tree;
}

static lock_sync_status fail_json(const decoding *d, const fault *f)
{
    char text[128];

    if (f->what == NULL)
        return lsync_error_no_memory(d->error);
    (void)snprintf(text, sizeof text, "%s, at byte %" PRId64 " of %zu", f->what, f->offset, d->s->body.size);
    if (fail_malformed(d, text) == LOCK_SYNC_E_MALFORMED)
        d->error->byte_offset = f->offset;
    return d->error->status;
}

/* --- a response that reports a failure --- */

/* Sets the error for a failure that the response reports, by its HTTP status or its envelope. */
static lock_sync_status fail_reported(const decoding *d, lock_sync_status status, const lsync_envelope *envelope)
{
    char message[200] = "";
    char code[40] = "";

    if (fail(d, status, lock_sync_status_message(status)) != status ||
        !lsync_envelope_messages(envelope, d->q->secret, d->error))
        return lsync_error_no_memory(d->error);
    if (status == LOCK_SYNC_E_HTTP)
        (void)snprintf(code, sizeof code, " The status is %" PRId32 ".", d->s->http_status);
    else if (status == LOCK_SYNC_E_API && envelope->status_code != 0)
        (void)snprintf(code, sizeof code, " The statusCode is %" PRId32 ".", envelope->status_code);
    if (d->error->api_message_count > 0)
        (void)snprintf(message, sizeof message, " The service's message: %s", d->error->api_messages[0]);
    lsync_one_line(message);
    lsync_trim_utf8(message);
    lsync_error_reword(d->error, "%s%s%s", lock_sync_status_message(status), code, message);
    return status;
}

/* Returns the status for the envelope's statusCode. E_API if the code only means that the request failed. */
static lock_sync_status status_of_envelope(const lsync_envelope *envelope)
{
    lock_sync_status status = lsync_status_of_http(envelope->status_code);

    return status == LOCK_SYNC_OK || status == LOCK_SYNC_E_HTTP ? LOCK_SYNC_E_API : status;
}

/* --- records --- */

static void store(const lsync_field *f, const json_t *value, lock_sync_lock *lock)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER: (void)lsync_field_store_integer(f, json_integer_value(value), lock); break;
    case JSON_TRUE:
    case JSON_FALSE: (void)lsync_field_store_bool(f, json_is_true(value), lock); break;
    case JSON_STRING: (void)lsync_field_store_text(f, json_string_value(value), json_string_length(value), lock); break;
    case JSON_REAL: /* not a whole number, or written with an exponent */
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
    default: break; /* absent */
    }
}

static void read_fields(const json_t *object, const lsync_field *fields, size_t n, lock_sync_lock *lock)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (value != NULL)
            store(&fields[i], value, lock);
    }
}

/* Returns false if the record has no usable id. */
static bool read_record(const json_t *record, lock_sync_lock *lock)
{
    const json_t *state;

    memset(lock, 0, sizeof *lock);
    read_fields(record, lsync_record_fields, LSYNC_RECORD_FIELDS, lock);
    if (lock->id == 0)
        return false;
    state = json_object_get(record, LSYNC_STATE_NAME);
    if (state == NULL)
        state = json_object_get(record, LSYNC_OLD_STATE_NAME);
    if (json_is_object(state)) {
        lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
        read_fields(state, lsync_state_fields, LSYNC_STATE_FIELDS, lock);
    }
    lsync_lock_finish(lock);
    return true;
}

static lock_sync_status read_one(const decoding *d, const json_t *result, lock_sync_results *r)
{
    lock_sync_lock lock;

    if (!read_record(result, &lock))
        return fail_malformed(d, "the lock has no usable id");
    if (lock.id != d->q->scope.ids[0])
        return fail_malformed(d, "the record is of another lock");
    lsync_results_add(r, &lock);
    (void)lsync_results_finish(r);
    return LOCK_SYNC_OK;
}

static lock_sync_status read_all(const decoding *d, const json_t *result, lock_sync_results *r)
{
    size_t count = json_array_size(result);
    lock_sync_lock lock;

    for (size_t i = 0; i < count; i++) {
        if (!read_record(json_array_get(result, i), &lock))
            return fail_record(d, i, count, "has no usable id");
        lsync_results_add(r, &lock);
    }
    if (!lsync_results_finish(r))
        return fail_record(d, r->conflict, count, "contradicts an earlier record of the same lock");
    return LOCK_SYNC_OK;
}

static lock_sync_status read_result(const decoding *d, const json_t *body, lock_sync_results **out)
{
    const json_t *result = json_object_get(body, "result");
    size_t records = d->q->single ? 1 : json_array_size(result);
    lock_sync_status status;
    lock_sync_results *r;

    if (!json_is_object(body))
        return fail_malformed(d, "the body is not an object");
    if (result == NULL)
        return fail_malformed(d, "the body has no result");
    if (d->q->single ? !json_is_object(result) : !json_is_array(result))
        return fail_malformed(d, d->q->single ? "the result is not an object" : "the result is not an array");
    r = lsync_results_new(d->memory, d->scope, records, d->s->received_at_ms);
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

/* --- the body --- */

/* Returns whether a 2xx response reports a failure: by `success`, or by a statusCode if the result is empty. */
static bool reports_failure(const json_t *body, const lsync_envelope *envelope)
{
    const json_t *result = json_object_get(body, "result");
    bool empty = result == NULL || json_is_null(result) || (json_is_array(result) && json_array_size(result) == 0);

    return envelope->success == LOCK_SYNC_NO ||
           (empty && (envelope->has_invalid_code ||
                      (envelope->status_code != 0 && lsync_status_of_http(envelope->status_code) != LOCK_SYNC_OK)));
}

static lock_sync_status decode_body(const decoding *d, lock_sync_results **out)
{
    lock_sync_status status = lsync_status_of_http(d->s->http_status);
    fault f;
    json_t *body = load(d, &f);
    lsync_envelope envelope;

    lsync_envelope_read(body, &envelope);
    if (status != LOCK_SYNC_OK)
        status = fail_reported(d, status, &envelope); /* the body need not be valid */
    else if (body == NULL)
        status = fail_json(d, &f);
    else if (reports_failure(body, &envelope))
        status = fail_reported(d, status_of_envelope(&envelope), &envelope);
    else
        status = read_result(d, body, out);
    json_decref(body);
    return status;
}

lock_sync_status lsync_decode(const lock_sync_allocator *memory, const lock_sync_request *q,
                              const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                              lock_sync_results **out)
{
    decoding d = {memory, q, s, scope, error};

    *out = NULL;
    if (s->failed == LOCK_SYNC_E_TOO_LARGE)
        return fail(&d, s->failed,
                    s->headers_too_large ? "the response is larger than allowed: its headers exceed 64 KiB"
                                         : "the response is larger than allowed: its body exceeds the limit");
    if (s->failed != LOCK_SYNC_OK)
        return lsync_error_set(error, s->failed, "%s", lock_sync_status_message(s->failed));
    if (lsync_status_of_http(s->http_status) == LOCK_SYNC_OK)
        *out = lsync_decode_direct(memory, q, s, scope);
    return *out != NULL ? LOCK_SYNC_OK : decode_body(&d, out);
}
