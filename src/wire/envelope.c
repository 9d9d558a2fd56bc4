/* The envelope of a response body; see envelope.h. */
#include "wire/envelope.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ascii.h"

#include <string.h>

lock_sync_status lsync_status_of_http(int32_t http_status)
{
    if (http_status >= 200 && http_status <= 299)
        return LOCK_SYNC_OK;
    if (http_status >= 500 && http_status <= 599)
        return LOCK_SYNC_E_SERVER;
    switch (http_status) {
    case 401: return LOCK_SYNC_E_UNAUTHORIZED;
    case 403: return LOCK_SYNC_E_FORBIDDEN;
    case 404: return LOCK_SYNC_E_NOT_FOUND;
    case 429: return LOCK_SYNC_E_RATE_LIMITED;
    default: return LOCK_SYNC_E_HTTP;
    }
}

/* Returns the member with the documented name, or else the one whose name differs only in case. */
static const json_t *member(const json_t *body, const char *name, const char *lower_case)
{
    const json_t *exact = json_object_get(body, name);
    const char *key;
    json_t *value;

    if (exact != NULL)
        return exact;
    json_object_foreach((json_t *)(uintptr_t)body, key,
                        value) if (lsync_ascii_equal(key, strlen(key), lower_case)) return value;
    return NULL;
}

static lock_sync_tristate truth(const json_t *value)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;

    if (json_is_true(value) || number == 1)
        return LOCK_SYNC_YES;
    return json_is_false(value) || number == 0 ? LOCK_SYNC_NO : LOCK_SYNC_UNKNOWN;
}

void lsync_envelope_read(const json_t *body, lsync_envelope *out)
{
    const json_t *code = member(body, "statusCode", "statuscode");
    json_int_t number = json_integer_value(code); /* 0 if `code` is not an integer */

    out->success = truth(member(body, "success", "success"));
    out->status_code = number >= 100 && number <= 999 ? (int32_t)number : 0;
    out->has_invalid_code = code != NULL && !json_is_null(code) && out->status_code == 0 &&
                            !(json_is_integer(code) && number == 0);
    out->messages = member(body, "errorMessages", "errormessages");
    if (!json_is_array(out->messages))
        out->messages = NULL;
}

bool lsync_envelope_messages(const lsync_envelope *envelope, const char *secret, lock_sync_error *error)
{
    size_t n = json_array_size(envelope->messages);

    for (size_t i = 0; i < n && error->api_message_count < LSYNC_ERROR_API_MESSAGES_MAX; i++) {
        const char *text = json_string_value(json_array_get(envelope->messages, i));
        char *copy;

        if (text == NULL)
            continue;
        copy = lsync_strndup(error->memory, text, strlen(text));
        if (copy == NULL)
            return false;
        lsync_redact(copy, secret);
        error->api_messages[error->api_message_count++] = copy;
    }
    return true;
}
