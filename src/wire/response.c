/* The response that a transport fills; see response.h. */
#include "wire/response.h"
#include "base/memory.h"
#include "base/ascii.h"

#include <string.h>

void lsync_response_init(lock_sync_response *s, const lock_sync_allocator *memory, size_t body_cap, int64_t now_ms)
{
    memset(s, 0, sizeof *s);
    s->memory = *memory;
    s->received_at_ms = now_ms;
    lsync_buffer_init(&s->body, &s->memory, body_cap);
}

void lsync_response_release(lock_sync_response *s)
{
    lsync_buffer_free(&s->body);
}

void lock_sync_response_free(lock_sync_response *response)
{
    if (response == NULL)
        return;
    lsync_response_release(response);
    lsync_free(&response->memory, response);
}

void lsync_response_restart(lock_sync_response *s)
{
    s->http_status = s->seen_status = 0;
    s->date[0] = s->retry_after[0] = s->correlation_id[0] = '\0';
    s->body.size = 0;
}

/* Stores the first failure; later ones are ignored. */
static lock_sync_status record_failure(lock_sync_response *s, lock_sync_status status)
{
    if (s->failed == LOCK_SYNC_OK)
        s->failed = status;
    return status;
}

lock_sync_status lsync_response_count_header(lock_sync_response *s, size_t bytes)
{
    if (bytes > LSYNC_RESPONSE_HEADER_BYTES_MAX - s->header_bytes) {
        s->headers_too_large = true;
        return record_failure(s, LOCK_SYNC_E_TOO_LARGE);
    }
    s->header_bytes += bytes;
    return LOCK_SYNC_OK;
}

/* Stores a header's value, unless an earlier header had the same name. A value that is too long is dropped, not cut:
   it may echo a credential, and a part of a credential could not be redacted. */
static void keep(char *place, size_t room, const char *value, size_t size)
{
    lsync_ascii_trim(&value, &size);
    if (place[0] != '\0' || size >= room)
        return;
    memcpy(place, value, size);
    place[size] = '\0';
    for (unsigned char *c = (unsigned char *)place; *c != '\0'; c++) /* people read the value: allow only ASCII */
        if (*c > 0x7e)
            *c = '?';
}

bool lsync_response_is_limited(const lock_sync_response *s)
{
    return s->http_status == 429 || s->seen_status == 429;
}

void lsync_response_keep_header(lock_sync_response *s, const char *name, size_t name_size, const char *value,
                                size_t value_size)
{
    if (lsync_ascii_equal(name, name_size, "date"))
        keep(s->date, sizeof s->date, value, value_size);
    else if (lsync_ascii_equal(name, name_size, "retry-after"))
        keep(s->retry_after, sizeof s->retry_after, value, value_size);
    else if (lsync_ascii_equal(name, name_size, "x-correlation-id"))
        keep(s->correlation_id, sizeof s->correlation_id, value, value_size);
}

lock_sync_status lock_sync_response_set_status(lock_sync_response *response, int32_t http_status)
{
    if (response == NULL || http_status < 100 || http_status > 999)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    response->http_status = http_status;
    return LOCK_SYNC_OK;
}

static bool is_one_line(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

lock_sync_status lock_sync_response_add_header(lock_sync_response *response, const char *name, const char *value)
{
    lock_sync_status status;

    if (response == NULL || name == NULL || value == NULL || name[0] == '\0' || !is_one_line(name) ||
        !is_one_line(value))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    status = lsync_response_count_header(response, strlen(name));
    if (status == LOCK_SYNC_OK)
        status = lsync_response_count_header(response, strlen(value));
    if (status == LOCK_SYNC_OK)
        lsync_response_keep_header(response, name, strlen(name), value, strlen(value));
    return status;
}

lock_sync_status lock_sync_response_append_body(lock_sync_response *response, const void *data, size_t size)
{
    lock_sync_status status;

    if (response == NULL || (data == NULL && size > 0))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (response->failed != LOCK_SYNC_OK) /* data after a gap would corrupt the body */
        return response->failed;
    status = lsync_buffer_append(&response->body, data, size);
    return status == LOCK_SYNC_OK ? status : record_failure(response, status);
}

lock_sync_status lock_sync_response_set_received_at_ms(lock_sync_response *response, int64_t unix_ms)
{
    if (response == NULL || unix_ms < 0)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    response->received_at_ms = unix_ms;
    return LOCK_SYNC_OK;
}
