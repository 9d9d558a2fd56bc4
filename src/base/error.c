/* The details of a failure; see error.h. */
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 512

void lsync_error_init(lock_sync_error *e, const lock_sync_allocator *memory)
{
    memset(e, 0, sizeof *e);
    e->memory = memory;
    e->retry_after_ms = -1;
    e->byte_offset = -1;
}

void lsync_error_clear(lock_sync_error *e)
{
    lsync_free(e->memory, e->message);
    lsync_free(e->memory, e->correlation_id);
    for (size_t i = 0; i < e->api_message_count; i++)
        lsync_free(e->memory, e->api_messages[i]);
    lsync_error_init(e, e->memory);
}

/* Returns NULL if memory runs out; the status's default message is used then. */
static char *format_message(const lock_sync_error *e, const char *format, va_list arguments)
{
    char text[MESSAGE_MAX];

    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        return NULL;
    lsync_trim_utf8(text);
    return lsync_strndup(e->memory, text, strlen(text));
}

lock_sync_status lsync_error_set(lock_sync_error *e, lock_sync_status status, const char *format, ...)
{
    va_list arguments;
    char *message;

    va_start(arguments, format);
    message = format_message(e, format, arguments);
    va_end(arguments);
    lsync_error_clear(e); /* not earlier: an argument may point into the old message */
    e->status = status;
    e->message = message;
    return status;
}

void lsync_error_reword(lock_sync_error *e, const char *format, ...)
{
    va_list arguments;
    char *message;

    va_start(arguments, format);
    message = format_message(e, format, arguments);
    va_end(arguments);
    lsync_free(e->memory, e->message);
    e->message = message;
}

lock_sync_status lsync_error_no_memory(lock_sync_error *e)
{
    lsync_error_clear(e);
    e->status = LOCK_SYNC_E_NO_MEMORY;
    return e->status;
}

lock_sync_status lock_sync_error_status(const lock_sync_error *error)
{
    return error == NULL ? LOCK_SYNC_E_INVALID_ARGUMENT : error->status;
}

int32_t lock_sync_error_http_status(const lock_sync_error *error)
{
    return error == NULL ? 0 : error->http_status;
}

int64_t lock_sync_error_retry_after_ms(const lock_sync_error *error)
{
    return error == NULL ? -1 : error->retry_after_ms;
}

const char *lock_sync_error_message(const lock_sync_error *error)
{
    if (error == NULL)
        return "there is no context";
    if (error->message != NULL)
        return error->message;
    return error->status == LOCK_SYNC_OK ? "" : lock_sync_status_message(error->status);
}

const char *lock_sync_error_correlation_id(const lock_sync_error *error)
{
    return error == NULL ? NULL : error->correlation_id;
}

size_t lock_sync_error_api_message_count(const lock_sync_error *error)
{
    return error == NULL ? 0 : error->api_message_count;
}

const char *lock_sync_error_api_message_at(const lock_sync_error *error, size_t index)
{
    return error == NULL || index >= error->api_message_count ? NULL : error->api_messages[index];
}

int64_t lock_sync_error_byte_offset(const lock_sync_error *error)
{
    return error == NULL ? -1 : error->byte_offset;
}
