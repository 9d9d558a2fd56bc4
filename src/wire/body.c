/* Reads the body of a response, or sets the error; see body.h. */
#include "wire/body.h"
#include "base/log.h"
#include "base/memory.h"
#include "wire/envelope.h"
#include "wire/timestamp.h"
#include "wire/whole.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Sets an error about the whole response, with HTTP status, correlation id and the wait that the service asks for. */
static lock_sync_status fail(const lsync_decoding *d, lock_sync_status status, const char *what)
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

lock_sync_status lsync_body_malformed(const lsync_decoding *d, const char *what)
{
    char text[256];

    (void)snprintf(text, sizeof text, "malformed response: %s", what);
    return fail(d, LOCK_SYNC_E_MALFORMED, text);
}

lock_sync_status lsync_body_malformed_record(const lsync_decoding *d, size_t index, size_t count, const char *what)
{
    char text[128];

    (void)snprintf(text, sizeof text, "record %zu of %zu %s", index + 1, count, what);
    return lsync_body_malformed(d, text);
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
static json_t *load(const lsync_decoding *d, fault *f)
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

static lock_sync_status fail_json(const lsync_decoding *d, const fault *f)
{
    char text[128];

    if (f->what == NULL)
        return lsync_error_no_memory(d->error);
    (void)snprintf(text, sizeof text, "%s, at byte %" PRId64 " of %zu", f->what, f->offset, d->s->body.size);
    if (lsync_body_malformed(d, text) == LOCK_SYNC_E_MALFORMED)
        d->error->byte_offset = f->offset;
    return d->error->status;
}

/* --- a response that reports a failure --- */

/* Sets the error for a failure that the response reports, by its HTTP status or its envelope. */
static lock_sync_status fail_reported(const lsync_decoding *d, lock_sync_status status, const lsync_envelope *envelope)
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

/* Returns whether a 2xx response reports a failure: by `success`, or by a statusCode if the result is empty. */
static bool reports_failure(const json_t *body, const lsync_envelope *envelope)
{
    const json_t *result = json_object_get(body, "result");
    bool empty = result == NULL || json_is_null(result) || (json_is_array(result) && json_array_size(result) == 0);

    return envelope->success == LOCK_SYNC_NO ||
           (empty && (envelope->has_invalid_code ||
                      (envelope->status_code != 0 && lsync_status_of_http(envelope->status_code) != LOCK_SYNC_OK)));
}

lock_sync_status lsync_body_load(const lsync_decoding *d, json_t **body)
{
    lock_sync_status status = lsync_status_of_http(d->s->http_status);
    fault f;
    lsync_envelope envelope;

    *body = NULL;
    if (d->s->failed == LOCK_SYNC_E_TOO_LARGE)
        return fail(d, d->s->failed,
                    d->s->headers_too_large ? "the response is larger than allowed: its headers exceed 64 KiB"
                                            : "the response is larger than allowed: its body exceeds the limit");
    if (d->s->failed != LOCK_SYNC_OK)
        return lsync_error_set(d->error, d->s->failed, "%s", lock_sync_status_message(d->s->failed));
    *body = load(d, &f);
    lsync_envelope_read(*body, &envelope);
    if (status != LOCK_SYNC_OK)
        status = fail_reported(d, status, &envelope); /* the body need not be valid */
    else if (*body == NULL)
        status = fail_json(d, &f);
    else if (reports_failure(*body, &envelope))
        status = fail_reported(d, status_of_envelope(&envelope), &envelope);
    if (status == LOCK_SYNC_OK)
        return LOCK_SYNC_OK;
    json_decref(*body);
    *body = NULL;
    return status;
}

lock_sync_status lsync_body_result(const lsync_decoding *d, const json_t *body, json_type type, const json_t **result)
{
    *result = json_object_get(body, "result");
    if (!json_is_object(body))
        return lsync_body_malformed(d, "the body is not an object");
    if (*result == NULL)
        return lsync_body_malformed(d, "the body has no result");
    if (json_typeof(*result) != type)
        return lsync_body_malformed(d,
                                    type == JSON_OBJECT ? "the result is not an object" : "the result is not an array");
    return LOCK_SYNC_OK;
}
